#include <plait/processes/internal/sandbox_watch.hpp>

#include <array>
#include <span>

#include <poll.h>

#if defined(PLAIT_HAS_SANDBOX)
#include <cstdlib>
#include <memory>

#include <linux/audit.h>
#include <seccomp.h>
#endif

namespace plait::inline PLAIT_ABI::detail {

sandbox_watch::news sandbox_watch::take_listener() {
  using result = received_message::result;
  std::array<std::byte, 1> word{};
  auto came = receive_message(handover_.get(), word);
  if (came.what == result::nothing_yet) return {};
  handover_.reset();
  if (came.what == result::closed) return {news::kind::over};  // it died, or could not enter and has said so
  if (came.descriptors.size() != 1) return {news::kind::lost};
  listener_ = private_fd(std::move(came.descriptors.front()));
  return {news::kind::watching};
}

#if defined(PLAIT_HAS_SANDBOX)
namespace {

std::string name_of(const seccomp_data& asked) {
  constexpr unsigned of_x32 = 0x40000000;  // the same architecture to the kernel, another one to libseccomp
  auto architecture = asked.arch;
  if (architecture == AUDIT_ARCH_X86_64 && (static_cast<unsigned>(asked.nr) & of_x32) != 0)
    architecture = SCMP_ARCH_X32;
  const std::unique_ptr<char, decltype(&std::free)> name(::seccomp_syscall_resolve_num_arch(architecture, asked.nr),
                                                         &std::free);
  return name ? name.get() : "number " + std::to_string(asked.nr);
}

}  // namespace

sandbox_watch::news sandbox_watch::look() {
  if (!listener_) return take_listener();
  pollfd polled{listener_.get(), POLLIN, 0};
  if (::poll(&polled, 1, 0) <= 0) return {};
  if ((polled.revents & POLLIN) == 0) {  // nobody is left who could ask
    listener_.reset();
    return {news::kind::over};
  }
  seccomp_notif* asked = nullptr;
  if (::seccomp_notify_alloc(&asked, nullptr) != 0)
    return {news::kind::violation, "(there is no memory to ask which)"};
  news found;
  if (::seccomp_notify_receive(listener_.get(), asked) == 0)  // else it died just now
    found = {news::kind::violation, name_of(asked->data)};
  ::seccomp_notify_free(asked, nullptr);
  return found;
}
#else
sandbox_watch::news sandbox_watch::look() { return take_listener(); }
#endif

}  // namespace plait::inline PLAIT_ABI::detail
