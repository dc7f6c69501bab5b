// Two ends of a pipe or of a socket, for tests of what watches descriptors.
#pragma once

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test_support {

/// Both ends non-blocking; what is read at `out` was written at `in`.
class pipe_ends {
 public:
  pipe_ends() {
    int both[2];
    if (::pipe2(both, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    out_ = both[0];
    in_ = both[1];
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  ~pipe_ends() {
    close_out();
    close_in();
  }

  [[nodiscard]] int out() const { return out_; }
  [[nodiscard]] int in() const { return in_; }
  void close_out() { close(out_); }
  void close_in() { close(in_); }
  void write(const std::string& text) const {
    if (::write(in_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }
  /// What is there now; empty where there is nothing.
  [[nodiscard]] std::string read() const {
    char text[256];
    const auto size = ::read(out_, text, sizeof text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
  }
  /// Until it takes no more.
  void fill() const {
    const std::string block(4096, 'x');
    while (::write(in_, block.data(), block.size()) > 0) {
    }
  }
  void drain() const {
    while (!read().empty()) {
    }
  }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  int out_ = -1;
  int in_ = -1;
};

/// Within `timeout` milliseconds; -1: as long as it takes.
inline bool is_readable(int descriptor, int timeout = 0) {
  pollfd one{descriptor, POLLIN, 0};
  return ::poll(&one, 1, timeout) == 1;
}

}  // namespace test_support
