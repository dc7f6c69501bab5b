// A gate that a call finds by its path alone, wherever the call runs: in a thread, in another process.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace test_support {

/// Two pipes with names in a folder of their own. It must outlive the calls: declare it before their executor.
/// A call that goes through `pass_gate(path)` says that it has arrived
/// and then waits until it is let through.
class portable_gate {
 public:
  portable_gate() {
    std::string folder = std::filesystem::temp_directory_path() / "plait_gate_XXXXXX";
    if (!mkdtemp(folder.data())) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = folder;
    arrived_ = make(path_ + "/arrived");
    opened_ = make(path_ + "/opened");
  }
  portable_gate(const portable_gate&) = delete;
  portable_gate& operator=(const portable_gate&) = delete;
  ~portable_gate() {
    close(arrived_);
    close(opened_);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Waits until so many more calls have arrived.
  void wait_for(int arrivals) const {
    for (char byte = 0; arrivals > 0;)
      if (read(arrived_, &byte, 1) == 1) --arrivals;
  }
  /// Lets so many calls through, those that wait and those that come later.
  void let_through(int calls) const {
    for (const char byte = 0; calls > 0;)
      if (write(opened_, &byte, 1) == 1) --calls;
  }

 private:
  // Open for both directions, so that neither side's opening waits for the other.
  static int make(const std::string& path) {
    const int fd = mkfifo(path.c_str(), 0600) == 0 ? open(path.c_str(), O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "mkfifo " + path);
    return fd;
  }

  std::string path_;
  int arrived_ = -1;
  int opened_ = -1;
};

/// For calls: an ordinary function of one string, which may travel.
inline void pass_gate(const std::string& path) {
  // ThreadSanitizer makes a thread's room for signals in its first blocking call, and (as GCC 12 has it) loses one
  // that arrives meanwhile: that call is behind this thread before anybody can know that it is here.
  const timespec no_time{};
  nanosleep(&no_time, nullptr);

  char byte = 0;
  const int arrived = open((path + "/arrived").c_str(), O_RDWR | O_CLOEXEC);
  const int opened = open((path + "/opened").c_str(), O_RDWR | O_CLOEXEC);
  if (arrived < 0 || opened < 0) throw std::system_error(errno, std::generic_category(), "open " + path);
  while (write(arrived, &byte, 1) != 1) {
  }
  while (read(opened, &byte, 1) != 1) {
  }
  close(arrived);
  close(opened);
}

}  // namespace test_support
