#include <plait/processes/internal/unique_fd.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>

namespace plait::inline PLAIT_ABI::detail {

unique_fd above_stdio(int descriptor, const char* call) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), std::string("plait: ") + call);
  unique_fd given(descriptor);
  if (descriptor > STDERR_FILENO) {
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return given;
  }
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) throw std::system_error(errno, std::system_category(), std::string("plait: fcntl after ") + call);
  return unique_fd(moved);
}

}  // namespace plait::inline PLAIT_ABI::detail
