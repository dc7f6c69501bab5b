// A progress bar on stderr where that is a terminal; elsewhere it draws nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

/// Thread safety: none; all of it belongs to the loop's thread.
class progress_bar {
 public:
  progress_bar() noexcept : on_terminal_(isatty(STDERR_FILENO) == 1) {}

  [[nodiscard]] bool on_terminal() const noexcept { return on_terminal_; }

  /// What there is to do, as it is found; no time left is told before all_found().
  void found(std::uint64_t files, std::uint64_t bytes) noexcept {
    all_files_ += files;
    all_bytes_ += bytes;
  }
  void all_found() noexcept { all_found_ = true; }
  /// One more file is done.
  void done(std::uint64_t bytes) noexcept {
    ++files_;
    bytes_ += bytes;
  }

  void draw() {
    if (!on_terminal_) return;
    const auto files = all_found_ ? fmt::format("{}/{}", files_, all_files_) : fmt::format("{}", files_);
    auto text = fmt::format(" {} files  {:.1f} MB/s  {} left", files, megabytes_per_second(), time_left());
    const auto columns = width();
    if (text.size() + 2 < columns) {
      const auto room = std::min<std::size_t>(columns - text.size() - 2, 40);
      text =
          fmt::format("[{:<{}}]{}",
                      std::string(static_cast<std::size_t>(fraction() * static_cast<double>(room)), '#'), room, text);
    }
    text.resize(std::min(text.size(), columns));  // a longer line would scroll
    drawn_ = true;
    write("\r\x1b[K" + text);
  }

  /// Takes the bar away, so that something else can be written in its place; draw() brings it back.
  void hide() {
    if (drawn_) write("\r\x1b[K");
    drawn_ = false;
  }

  /// The last word, in place of the bar.
  void finish() {
    if (!on_terminal_) return;
    hide();
    write(fmt::format("{} files, {:.1f} MB in {:.1f} s, {:.1f} MB/s\n", files_, static_cast<double>(bytes_) / 1e6,
                      seconds(), megabytes_per_second()));
  }

 private:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  [[nodiscard]] double megabytes_per_second() const { return static_cast<double>(bytes_) / 1e6 / seconds(); }

  // A tree may change meanwhile: more than all is never done.
  [[nodiscard]] double fraction() const {
    if (!all_found_) return 0;
    return all_bytes_ > bytes_ ? static_cast<double>(bytes_) / static_cast<double>(all_bytes_) : 1;
  }
  [[nodiscard]] std::string time_left() const {
    if (!all_found_ || bytes_ == 0) return "?";
    const auto left = static_cast<std::uint64_t>(std::ceil(seconds() * (1 - fraction()) / fraction()));
    return fmt::format("{}:{:02}:{:02}", left / 3600, left / 60 % 60, left % 60);
  }

  // Without the last column: where the cursor wraps there, the next \r would be a line too low.
  [[nodiscard]] static std::size_t width() noexcept {
    winsize size{};
    const bool told = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return told ? size.ws_col - 1U : 79U;
  }
  static void write(const std::string& text) { std::fputs(text.c_str(), stderr); }

  bool on_terminal_;
  bool drawn_ = false;
  bool all_found_ = false;
  std::uint64_t all_files_ = 0;
  std::uint64_t all_bytes_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
