#include <plait/processes/internal/stderr_relay.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>

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

// More than a pipe holds, by the kernel's default.
constexpr int most_pieces = 64;

// The last lines of what was written so far.
void shorten(std::string& text) {
  constexpr auto most = stderr_relay::kept_bytes;
  if (text.size() > most) text.erase(0, text.size() - most);
  auto lines = std::ranges::count(text, '\n');
  while (lines-- > static_cast<std::ptrdiff_t>(stderr_relay::kept_lines)) text.erase(0, text.find('\n') + 1);
}

}  // namespace

void stderr_relay::set_pid(pid_t pid) {
  label_ = name_ + '[' + std::to_string(pid) + "]: ";
  waits_for_pid_ = false;
}

bool stderr_relay::pass_on() {
  if (waits_for_pid_) return true;
  // A worker that writes without end must not keep who reads here from all else; the rest is there next time.
  char bytes[4096];
  for (int piece = 0; piece < most_pieces; ++piece) {
    const auto got = ::read(pipe_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(got));
    write_what_is_due();
  }
  return true;
}

void stderr_relay::close() {
  waits_for_pid_ = false;
  if (pipe_) pass_on();
  pipe_.reset();
  const bool unended = pending_.empty() ? within_line_ : pending_.back() != '\n';
  if (unended) pending_ += '\n';
  write_what_is_due();
}

// Lines that have ended, and what is too much to wait for anything.
void stderr_relay::write_what_is_due() {
  if (const auto end = pending_.rfind('\n'); end != std::string::npos) write_lines(end + 1);
  if (pending_.size() > longest_line) write_lines(pending_.size());
}

void stderr_relay::write_lines(std::size_t bytes) {
  const std::string_view text(pending_.data(), bytes);
  std::string together;
  for (auto rest = text; !rest.empty();) {
    const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    const auto label = within_line_ ? std::string_view() : std::string_view(label_);
    if (together.size() + label.size() + line.size() > PIPE_BUF) write_all(std::exchange(together, {}));
    together.append(label).append(line);
    within_line_ = line.back() != '\n';
  }
  write_all(together);
  last_lines_.append(text);
  shorten(last_lines_);
  pending_.erase(0, bytes);
}

}  // namespace plait::inline PLAIT_ABI::detail
