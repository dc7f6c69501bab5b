// A progress bar on stderr where that is a terminal; elsewhere it draws nothing.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

class progress_bar {
 public:
  void draw(std::size_t done, std::size_t all) const {
    constexpr std::size_t width = 40;
    if (!on_terminal_ || all == 0) return;
    const std::string filled(width * done / all, '#');
    write(fmt::format("{}[{:<{}}] {}/{}", erased, filled, width, done, all));
  }
  void hide() const {
    if (on_terminal_) write(erased);
  }

 private:
  static constexpr const char* erased = "\r\x1b[K";
  static void write(const std::string& text) { std::fputs(text.c_str(), stderr); }

  bool on_terminal_ = isatty(STDERR_FILENO) == 1;
};
