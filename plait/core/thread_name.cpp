#include <plait/core/thread_name.hpp>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI {
namespace {

constexpr std::size_t longest_in_kernel = 15;

thread_local std::string name_here;

std::string found_name() {
  if (syscall(SYS_gettid) == getpid()) return "MainThread";
  char name[longest_in_kernel + 1] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

}  // namespace

const std::string& thread_name() {
  if (name_here.empty()) name_here = found_name();
  return name_here;
}

void set_thread_name(std::string name) {
  const auto skipped = name.size() > longest_in_kernel ? name.size() - longest_in_kernel : 0;
  pthread_setname_np(pthread_self(), name.c_str() + skipped);
  name_here = std::move(name);
}

}  // namespace plait::inline PLAIT_ABI
