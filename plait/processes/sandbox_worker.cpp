#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/landlock.hpp>
#include <plait/processes/internal/sandbox_filter.hpp>
#include <plait/processes/internal/sandbox_worker.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" [[gnu::weak]] void __tsan_init();

namespace plait::inline PLAIT_ABI::detail {
namespace {

[[noreturn]] void throw_not_sandboxed(const std::string& call) {
  throw std::system_error(errno, std::system_category(), "plait: the sandbox could not be entered: " + call);
}

// Room for the numbers that the filter knows.
void make_room_for_descriptors() {
  constexpr rlim_t needed = filtered_descriptors::lowest + 16;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw_not_sandboxed("getrlimit");
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(limit.rlim_max, needed);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw_not_sandboxed("setrlimit");
}

int moved_up(int descriptor) {
  const unique_fd before(descriptor);
  const int after = ::fcntl(descriptor, F_DUPFD_CLOEXEC, filtered_descriptors::lowest);
  if (after < 0) throw_not_sandboxed("fcntl(F_DUPFD_CLOEXEC) above 255 (limited by RLIMIT_NOFILE?)");
  return after;
}

void limit_resources() {
  const auto limit = [](auto resource, rlim_t most, const char* name) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) throw_not_sandboxed("getrlimit");
    now.rlim_max = std::min(now.rlim_max, most);
    now.rlim_cur = now.rlim_max;
    if (::setrlimit(resource, &now) != 0) throw_not_sandboxed(std::string("setrlimit of ") + name);
  };
  limit(RLIMIT_NOFILE, filtered_descriptors::lowest, "RLIMIT_NOFILE");  // so none comes to a number above
  limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
  limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
}

// Whatever looks for files when it is first used.
void have_what_is_in_files() {
  // With TZ unset each localtime() looks at the file.
  ::setenv("TZ", ":/etc/localtime", 0);
  ::tzset();
  capture_throws(true);  // loads the unwinder
  no_more_files();
}

void close_all_but(std::vector<int> kept) {
  std::ranges::sort(kept);
  unsigned first = STDERR_FILENO + 1;
  for (const int one : kept) {
    if (one <= STDERR_FILENO) continue;
    const auto number = static_cast<unsigned>(one);
    if (number > first && ::syscall(SYS_close_range, first, number - 1, 0) != 0) throw_not_sandboxed("close_range");
    first = number + 1;
  }
  if (::syscall(SYS_close_range, first, ~0U, 0) != 0) throw_not_sandboxed("close_range");
}

// Landlock holds for this thread and those that it will start.
void expect_one_thread() {
  struct stat task{};
  if (::stat("/proc/self/task", &task) != 0)
    throw_not_sandboxed("stat of /proc/self/task, which tells whether the initializer left threads behind");
  const auto threads = task.st_nlink - std::min<nlink_t>(task.st_nlink, 2);
  const nlink_t sanitizers = __tsan_init ? 1 : 0;
  if (threads > 1 + sanitizers)
    throw std::runtime_error(
        "plait: the sandbox could not be entered: sandbox::read_only holds for one thread, and the "
        "initializer has left " +
        std::to_string(threads - 1) + " more running");
}

}  // namespace

sandbox_entrance::sandbox_entrance(std::span<int> link_ends, unique_fd handover) {
  ::mallopt(M_ARENA_MAX, 1);
  make_room_for_descriptors();
  for (auto& descriptor : link_ends.subspan(1)) descriptor = moved_up(descriptor);  // the memory's is closed soon
  control_ = link_ends[1];
  bells_[0] = link_ends[2];
  bells_[1] = link_ends[3];
  handover_ = unique_fd(moved_up(handover.release()));
  if (::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) throw_not_sandboxed("dup2");
}

void sandbox_entrance::let_read(unique_fd& file) {
  file = unique_fd(moved_up(file.release()));
  file_ = file.get();
}

void sandbox_entrance::enter(const sandbox::policy& chosen, std::vector<int> kept) {
  const auto* const reading = std::get_if<sandbox::read_only>(&chosen);
  have_what_is_in_files();
  if (reading) expect_one_thread();
  limit_resources();
  kept.insert(kept.end(), {control_, bells_[0], bells_[1], handover_.get(), file_});
  close_all_but(std::move(kept));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_not_sandboxed("prctl(PR_SET_NO_NEW_PRIVS)");
  if (reading)
    restrict_to_reading(reading->paths);
  else if (landlock_version() > 0)
    restrict_to_reading({});
  const unique_fd listener = install_filter(
      {.control = control_, .bells = {bells_[0], bells_[1]}, .handover = handover_.get(), .file = file_},
      reading != nullptr);
  hand_over(listener);
  handover_.reset();
}

// Of descriptors on their way in messages a user may have as many as this process may have open, which are few by
// now. What others have on their way (shared buffers, to workers that come to them soon) is waited for, a while.
void sandbox_entrance::hand_over(const unique_fd& listener) const {
  constexpr int most_tries = 5'000;
  const std::byte word{};
  const int number = listener.get();
  int error = 0;
  for (int tries = 0; tries < most_tries; ++tries) {
    error = send_message(handover_.get(), std::span(&word, 1), std::span(&number, 1));
    if (error != ETOOMANYREFS) break;
    const timespec a_moment{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, nullptr);
  }
  if (error != 0)
    throw std::system_error(error, std::system_category(), "plait: the sandbox could not be entered: sendmsg");
}

}  // namespace plait::inline PLAIT_ABI::detail
