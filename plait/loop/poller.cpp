#include <plait/loop/internal/poller.hpp>

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

bool poller::watch(int) noexcept { return false; }
void poller::forget(int) noexcept {}

void poller::outlast(std::uint64_t count) noexcept {
  for (auto now = wakes_.load(); now < count; now = wakes_.load()) sync::futex_wait(wakes_, now);
}

}  // namespace plait::inline PLAIT_ABI::detail

#else

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

[[noreturn]] void throw_errno(const char* call) {
  throw std::system_error(errno, std::system_category(), std::string("plait: event_loop: ") + call);
}

// epoll_pwait2 sleeps to the nanosecond; it came with Linux 5.11.
int wait_exactly(int epoll, epoll_event& event, nanoseconds left) {
  const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
  return epoll_pwait2(epoll, &event, 1, &timeout, nullptr);
}
int wait_in_milliseconds(int epoll, epoll_event& event, nanoseconds left) {
  const auto rounded_up = std::min<std::int64_t>((left.count() + 999'999) / 1'000'000, 1 << 30);
  return epoll_wait(epoll, &event, 1, static_cast<int>(rounded_up));
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
  for (const int descriptor : {event_, epoll_})
    if (descriptor >= 0) ::close(descriptor);
}

void poller::wait(time_point deadline) noexcept {
  epoll_event event;
  if (deadline == sync::forever) {
    epoll_wait(epoll_, &event, 1, -1);
    return;
  }
  const auto left = std::max(deadline - sync::now(), nanoseconds::zero());
  static std::atomic<bool> exact{true};
  if (exact.load(std::memory_order_relaxed)) {
    if (wait_exactly(epoll_, event, left) >= 0 || errno == EINTR) return;
    exact = false;  // an older kernel, or a sandbox that does not know the call
  }
  wait_in_milliseconds(epoll_, event, left);
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
