#include <plait/processes/internal/process_figures.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// /proc/PID/<name>; 0: this process.
unique_fd open_of(pid_t process, const char* name) noexcept {
  char path[64];
  if (process == 0)
    std::snprintf(path, sizeof path, "/proc/self/%s", name);
  else
    std::snprintf(path, sizeof path, "/proc/%d/%s", static_cast<int>(process), name);
  return unique_fd(::open(path, O_RDONLY | O_CLOEXEC));
}

std::string_view read_into(std::span<char> bytes, int file) noexcept {
  ssize_t got = 0;
  while ((got = ::pread(file, bytes.data(), bytes.size(), 0)) < 0 && errno == EINTR) {
  }
  return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// The number behind any blanks, which it takes off the text.
std::optional<std::size_t> take_number(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// A line of /proc/PID/status: "VmHWM:     1234 kB".
std::optional<std::size_t> kilobytes(std::string_view status, std::string_view label) noexcept {
  const auto at = status.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  status.remove_prefix(at + label.size());
  const auto number = take_number(status);
  return number ? std::optional(*number * 1024) : std::nullopt;
}

}  // namespace

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

unique_fd open_statm(pid_t process) noexcept { return open_of(process, "statm"); }

std::optional<std::size_t> own_pages(int statm) noexcept {
  std::array<char, 128> bytes;
  auto text = read_into(bytes, statm);
  static_cast<void>(take_number(text));  // the size of its address space
  const auto resident = take_number(text);
  const auto shared = take_number(text);  // with files or with other processes
  if (!resident || !shared) return std::nullopt;
  return *resident > *shared ? *resident - *shared : 0;
}

process_figures figures_of(pid_t process) noexcept {
  process_figures found;
  // The clock needs no /proc, and counts in nanoseconds.
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(process, &clock) == 0 && ::clock_gettime(clock, &time) == 0)
    found.cpu_time = std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
  if (const auto file = open_of(process, "status")) {
    std::array<char, 8192> bytes;  // the groups of a user may be many
    const auto status = read_into(bytes, file.get());
    found.resident_bytes = kilobytes(status, "\nVmRSS:");
    found.peak_resident_bytes = kilobytes(status, "\nVmHWM:");
  }
  return found;
}

bool has_ended(int pidfd) noexcept {
  pollfd polled{pidfd, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

}  // namespace plait::inline PLAIT_ABI::detail
