// A program that lacks something: limits of processes, and the errors that come of them.
#pragma once

#include <exception>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "process_pool_programs_test.hpp"
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

namespace pool_test {

/// The soft limit of a process, as long as it lives.
class limited {
 public:
  limited(__rlimit_resource what, rlim_t most, pid_t process = 0) : what_(what), process_(process) {
    program::require(::prlimit(process, what, nullptr, &before_) == 0, 22);
    const rlimit now{most, before_.rlim_max};
    program::require(::prlimit(process, what, &now, nullptr) == 0, 23);
  }
  limited(const limited&) = delete;
  limited& operator=(const limited&) = delete;
  ~limited() { program::require(::prlimit(process_, what_, &before_, nullptr) == 0, 24); }

 private:
  __rlimit_resource what_;
  pid_t process_;
  rlimit before_{};
};

/// What it throws: the error's code and text.
template <class Submit> std::pair<int, std::string> error_of(Submit submit) {
  try {
    static_cast<void>(submit());
    return {0, "no error"};
  } catch (const std::system_error& error) {
    return {error.code().value(), error.what()};
  } catch (const std::exception& error) {
    return {-1, error.what()};
  }
}

inline rlim_t address_space_in_use(pid_t process) {
  std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace pool_test
