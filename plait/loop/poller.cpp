#include <plait/loop/internal/poller.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>

#if defined(PLAIT_SIMULATED)

// On the simulated machine a loop has no descriptors; it sleeps on a futex.
namespace plait::inline PLAIT_ABI::detail {

poller::~poller() = default;
void poller::open() {}

void poller::wait(time_point deadline) noexcept {
  if (wakes_.load() == seen_) sync::futex_wait(wakes_, seen_, deadline);
  seen_ = wakes_.load();
}

void poller::wake() noexcept {
  wakes_.fetch_add(1);
  sync::futex_wake(wakes_, 1);
}

bool poller::is_exact() noexcept { return true; }
bool poller::watch(int) noexcept { return false; }
void poller::forget(int) noexcept {}
int poller::arm_known(int, std::uint32_t, std::uint8_t) noexcept { return ENOSYS; }
int poller::arm_new(int, std::uint32_t, std::uint8_t) noexcept { return ENOSYS; }
void poller::look() noexcept { seen_ = wakes_.load(); }
int poller::descriptor() const noexcept { return -1; }
void poller::open_alarm() { throw std::system_error(ENOSYS, std::system_category(), "simulated"); }
void poller::set_alarm(time_point) noexcept {}

void poller::outlast(std::uint64_t count) noexcept {
  for (auto now = wakes_.load(); now < count; now = wakes_.load()) sync::futex_wait(wakes_, now);
}

}  // namespace plait::inline PLAIT_ABI::detail

#else

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

[[noreturn]] void throw_errno(const char* call) {
  throw std::system_error(errno, std::system_category(), std::string("plait: event_loop: ") + call);
}

// epoll_pwait2 sleeps to the nanosecond; it came with Linux 5.11.
int wait_exactly(int epoll, epoll_event* events, int room, nanoseconds left) {
  const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
  return epoll_pwait2(epoll, events, room, &timeout, nullptr);
}
int wait_in_milliseconds(int epoll, epoll_event* events, int room, nanoseconds left) {
  const auto rounded_up = std::min<std::int64_t>((left.count() + 999'999) / 1'000'000, 1 << 30);
  return epoll_wait(epoll, events, room, static_cast<int>(rounded_up));
}
constinit std::atomic<bool> exact{true};

int wait_until(int epoll, epoll_event* events, int room, time_point deadline) {
  if (deadline == sync::forever) return epoll_wait(epoll, events, room, -1);
  const auto left = std::max(deadline - sync::now(), nanoseconds::zero());
  if (exact.load(std::memory_order_relaxed)) {
    const int found = wait_exactly(epoll, events, room, left);
    if (found >= 0 || errno == EINTR) return found;
    exact = false;  // an older kernel, or a sandbox that does not know the call
  }
  return wait_in_milliseconds(epoll, events, room, left);
}

constexpr int most_at_once = 64;  // reports taken in one call

void tell(readiness_sink& sink, const epoll_event* events, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    const auto generation = static_cast<std::uint32_t>(events[i].data.u64 >> 32);
    if (generation == 0) continue;  // our own: they only end the sleep
    // An error or the other side's end is for both to find out.
    const bool over = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    std::uint8_t interests = no_interest;
    if (over || (events[i].events & EPOLLIN) != 0) interests |= to_read;
    if (over || (events[i].events & EPOLLOUT) != 0) interests |= to_write;
    sink.ready_now(static_cast<int>(events[i].data.u64 & 0xffffffff), generation, interests);
  }
}

int control(int epoll, int operation, int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept {
  epoll_event wanted{};
  wanted.events = EPOLLONESHOT;
  if ((interests & to_read) != 0) wanted.events |= EPOLLIN;
  if ((interests & to_write) != 0) wanted.events |= EPOLLOUT;
  wanted.data.u64 = std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(descriptor);
  return epoll_ctl(epoll, operation, descriptor, &wanted) == 0 ? 0 : errno;
}

}  // namespace

void poller::open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw_errno("epoll_create1");
  event_ = eventfd(0, EFD_CLOEXEC);
  if (event_ < 0) throw_errno("eventfd");
  if (!watch(event_)) throw_errno("epoll_ctl");
}

bool poller::watch(int descriptor) noexcept {
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLET;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &interest) == 0;
}

void poller::forget(int descriptor) noexcept { epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

poller::~poller() {
  for (const int descriptor : {alarm_, event_, epoll_})
    if (descriptor >= 0) ::close(descriptor);
}

void poller::wait(time_point deadline) noexcept {
  epoll_event events[most_at_once];
  const int found = wait_until(epoll_, events, sink_ ? most_at_once : 1, deadline);
  if (sink_) tell(*sink_, events, found);
}

bool poller::is_exact() noexcept { return exact.load(std::memory_order_relaxed); }

void poller::look() noexcept {
  epoll_event events[most_at_once];
  int found = most_at_once;
  while (found == most_at_once) {
    found = epoll_wait(epoll_, events, most_at_once, 0);
    if (sink_) tell(*sink_, events, found);
  }
}

int poller::arm_known(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept {
  return control(epoll_, EPOLL_CTL_MOD, descriptor, generation, interests);
}
int poller::arm_new(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept {
  return control(epoll_, EPOLL_CTL_ADD, descriptor, generation, interests);
}

int poller::descriptor() const noexcept { return epoll_; }

void poller::open_alarm() {
  if (alarm_ >= 0) return;
  const int made = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (made < 0) throw_errno("timerfd_create");
  if (!watch(made)) {
    const int error = errno;
    ::close(made);
    errno = error;
    throw_errno("epoll_ctl");
  }
  alarm_ = made;
}

void poller::set_alarm(time_point when) noexcept {
  itimerspec time{};  // all 0: never
  if (when != sync::forever) {
    const auto ns = std::max<std::int64_t>(when.time_since_epoch().count(), 1);
    time.it_value = {ns / 1'000'000'000, ns % 1'000'000'000};
  }
  timerfd_settime(alarm_, TFD_TIMER_ABSTIME, &time, nullptr);
}

void poller::wake() noexcept {
  const std::uint64_t one = 1;
  while (::write(event_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void poller::outlast(std::uint64_t count) noexcept {
  for (std::uint64_t seen = 0; seen < count;) {
    std::uint64_t more = 0;
    if (::read(event_, &more, sizeof more) == sizeof more) seen += more;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail

#endif
