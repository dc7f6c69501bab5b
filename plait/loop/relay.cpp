#include <plait/loop/internal/relay.hpp>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Where the next is appended; null while nothing runs on this thread.
thread_local relayed** end_of_queue = nullptr;

}  // namespace

void relay(relayed& what) noexcept {
  what.next = nullptr;
  if (end_of_queue) {
    *end_of_queue = &what;
    end_of_queue = &what.next;
    return;
  }
  relayed* first = &what;
  end_of_queue = &what.next;
  while (first) {
    relayed* rest = first->next;
    if (!rest)
      end_of_queue = &rest;  // not the link of the one that runs: it may be gone before something is appended
    first->run(*first);
    first = rest;
  }
  end_of_queue = nullptr;
}

}  // namespace plait::inline PLAIT_ABI::detail
