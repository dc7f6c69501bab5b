// The real threads under the simulated ones. A new thread a fiber costs some 25 µs; where that is safe, one carries
// many fibers, and between two of them does what the end of a thread and the begin of the next would do to the
// thread_locals of this module: run the destructors, put the initial image back.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/machine.hpp>

#include <cstring>
#include <exception>
#include <limits>

#include <cxxabi.h>
#include <link.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#define PLAIT_HAS_FEATURE(what) __has_feature(what)
#else
#define PLAIT_HAS_FEATURE(what) 0
#endif
#if defined(__SANITIZE_THREAD__) || PLAIT_HAS_FEATURE(thread_sanitizer)
#define PLAIT_THREAD_SANITIZER
#endif
// These keep their own state in our thread_locals' segment, and want to see threads begin and end.
#if defined(PLAIT_THREAD_SANITIZER) || defined(__SANITIZE_ADDRESS__) || PLAIT_HAS_FEATURE(address_sanitizer) || \
    PLAIT_HAS_FEATURE(memory_sanitizer)
#define PLAIT_NEW_CARRIERS
#endif

#if defined(PLAIT_THREAD_SANITIZER)
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
}
#endif

namespace plait::inline PLAIT_ABI::simulated {
namespace {

constinit thread_local fiber* current = nullptr;

}  // namespace

fiber* current_fiber() noexcept { return current; }

#if defined(PLAIT_THREAD_SANITIZER)
namespace {
// Everything any fiber did is released to it, and acquired only by who called explore(), after a failure.
char last_seen = 0;
}  // namespace

void see_stopped_fibers() noexcept { __tsan_acquire(&last_seen); }

unobserved::unobserved() noexcept {
  __tsan_release(&last_seen);
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}
unobserved::~unobserved() {
  AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
void see_stopped_fibers() noexcept {}
unobserved::unobserved() noexcept = default;
unobserved::~unobserved() = default;
#endif

// Pairs with take(): release to acquire, from who hands over to who goes on.
void give(std::atomic<std::uint32_t>& baton) noexcept {
  baton.store(1, std::memory_order_release);
  syscall(SYS_futex, &baton, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void take(std::atomic<std::uint32_t>& baton) noexcept {
  while (baton.load(std::memory_order_acquire) == 0)
    syscall(SYS_futex, &baton, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  baton.store(0, std::memory_order_relaxed);
}

namespace {

void run_job(fiber& me) {
  try {
    me.job->run();
    me.job.reset();
    return;
  } catch (const std::exception& problem) {
    unobserved hidden;
    me.owner->fail(me, std::string("an exception left a thread: ") + problem.what());
  } catch (...) {
    unobserved hidden;
    me.owner->fail(me, "an exception left a thread, of a type that is no std::exception");
  }
}

#if defined(PLAIT_NEW_CARRIERS)

// The first of its thread's thread_locals, so the last to be destroyed: the fiber ends after all the others are gone.
struct last_destroyed {
  ~last_destroyed() {
    fiber& me = *std::exchange(current, nullptr);
    unobserved hidden;
    me.owner->end(me);
  }
};

void carry(carrier& self) {
  {
    unobserved hidden;
    take(self.baton);
  }
  current = self.load;
  static thread_local last_destroyed mark;
  static_cast<void>(&mark);
  run_job(*current);
}

#else

// The destructors of the thread_locals that the present fiber has made, in the order of their making.
struct destructor {
  void (*run)(void*);
  void* object;
};
std::vector<destructor>& destructors() {
  // Not destroyed: they are empty between two fibers, and thread_locals must not be needed to destroy thread_locals.
  static auto& by_fiber = *new std::array<std::vector<destructor>, most_fibers>;
  return by_fiber[current->number];
}

// The initial image of this module's thread_locals, and where the calling thread has its own.
struct thread_local_segment {
  const void* image = nullptr;
  std::size_t image_size = 0;
  void* own = nullptr;
  std::size_t own_size = 0;
  bool shares_with_libc = false;  // a static program
};

int find_segment(dl_phdr_info* module, std::size_t, void* result) {
  static const char in_this_module = 0;
  const auto wanted = reinterpret_cast<std::uintptr_t>(&in_this_module);
  bool ours = false;
  bool interpreted = false;
  thread_local_segment found;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const auto& part = module->dlpi_phdr[i];
    const std::uintptr_t from = module->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && wanted >= from && wanted - from < part.p_memsz) ours = true;
    if (part.p_type == PT_INTERP || part.p_type == PT_DYNAMIC) interpreted = true;
    if (part.p_type == PT_TLS)
      found = {reinterpret_cast<const void*>(from), part.p_filesz, module->dlpi_tls_data, part.p_memsz, false};
  }
  if (!ours) return 0;
  found.shares_with_libc = !interpreted;
  *static_cast<thread_local_segment*>(result) = found;
  return 1;
}

thread_local_segment own_segment() {
  thread_local_segment result;
  dl_iterate_phdr(find_segment, &result);
  return result;
}

void carry(carrier& self) {
  current = nullptr;  // touched, so that the segment is there
  const thread_local_segment segment = own_segment();
  for (;;) {
    take(self.baton);
    fiber* const load = self.load;
    if (load == nullptr) return;
    current = load;
    run_job(*load);
    for (auto& pending = destructors(); !pending.empty();) {
      const destructor next = pending.back();
      pending.pop_back();
      next.run(next.object);
    }
    std::memcpy(segment.own, segment.image, segment.image_size);
    std::memset(static_cast<char*>(segment.own) + segment.image_size, 0, segment.own_size - segment.image_size);
    load->owner->end(*load);
  }
}

#endif

}  // namespace

bool carriers_last() noexcept {
#if defined(PLAIT_NEW_CARRIERS)
  return false;
#else
  static const bool lasting = !own_segment().shares_with_libc;
  return lasting;
#endif
}

void launch(carrier& which) {
  std::thread made(carry, std::ref(which));
  unobserved hidden;
  which.os = std::move(made);
}

}  // namespace plait::inline PLAIT_ABI::simulated

#if !defined(PLAIT_NEW_CARRIERS)
// What the compiler calls to have a thread_local destroyed at the end of its thread: on a carrier, of its fiber.
extern "C" int __cxa_thread_atexit_impl(void (*)(void*), void*, void*) noexcept;
extern "C" PLAIT_API int __cxa_thread_atexit(void (*run)(void*), void* object, void* module) noexcept {
  if (plait::simulated::current_fiber() == nullptr) return __cxa_thread_atexit_impl(run, object, module);
  plait::simulated::destructors().push_back({run, object});
  return 0;
}
#endif

#endif
