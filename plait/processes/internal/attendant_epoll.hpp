// What the attendant of a pool waits for: its bell, the worker server, what each worker writes to its stderr.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <cerrno>
#include <cstdint>

#include <sys/epoll.h>

namespace plait::inline PLAIT_ABI::detail {

// What the epoll says; all else is the id of the worker that wrote, or with this bit that of one in a sandbox.
inline constexpr std::uint64_t bell_rang = 0;
inline constexpr std::uint64_t server_says = UINT64_MAX;
inline constexpr std::uint64_t sandbox_says = std::uint64_t{1} << 63;

inline int tell_epoll(int epoll, int operation, int descriptor, std::uint32_t events, std::uint64_t what) noexcept {
  epoll_event interest{};
  interest.events = events;
  interest.data.u64 = what;
  return ::epoll_ctl(epoll, operation, descriptor, &interest);
}

inline void watch(int epoll, int descriptor, std::uint32_t events, std::uint64_t what) {
  if (tell_epoll(epoll, EPOLL_CTL_ADD, descriptor, events, what) < 0) throw_system_error(errno, "epoll_ctl");
}

// For watch(): it has its place there, but nothing is told of it, except once that the other end has gone.
inline constexpr std::uint32_t not_yet = EPOLLONESHOT;
// It is heard of from now on. Takes no memory, and can't fail.
inline void hear(int epoll, int descriptor, std::uint64_t what) noexcept {
  tell_epoll(epoll, EPOLL_CTL_MOD, descriptor, EPOLLIN, what);
}

}  // namespace plait::inline PLAIT_ABI::detail
