#include <plait/processes/internal/stderr_relay.hpp>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <poll.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// To the program's stderr, whatever it is now. What can't be written is lost: nobody could be told.
void write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // the program made it non-blocking
      pollfd wait{STDERR_FILENO, POLLOUT, 0};
      if (::poll(&wait, 1, 1000) <= 0) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

// The last lines of what was written so far.
void shorten(std::string& text) {
  constexpr auto most = stderr_relay::kept_bytes;
  if (text.size() > most) text.erase(0, text.size() - most);
  auto lines = std::ranges::count(text, '\n');
  while (lines-- > static_cast<std::ptrdiff_t>(stderr_relay::kept_lines)) text.erase(0, text.find('\n') + 1);
}

}  // namespace

bool stderr_relay::pass_on() {
  char bytes[4096];
  for (;;) {
    const auto got = ::read(pipe_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(got));
    if (const auto end = pending_.rfind('\n'); end != std::string::npos) write_lines(end + 1);
    if (pending_.size() > longest_line) write_lines(pending_.size());
  }
}

void stderr_relay::pass_on_rest() {
  if (!pipe_) return;
  pass_on();
  if (!pending_.empty()) {
    pending_ += '\n';
    write_lines(pending_.size());
  }
  pipe_.reset();
}

void stderr_relay::write_lines(std::size_t bytes) {
  const std::string_view lines(pending_.data(), bytes);
  write_all(lines);
  last_lines_.append(lines);
  shorten(last_lines_);
  pending_.erase(0, bytes);
}

}  // namespace plait::inline PLAIT_ABI::detail
