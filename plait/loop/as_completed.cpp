#include <plait/core/errors.hpp>
#include <plait/loop/as_completed.hpp>
#include <plait/loop/wait.hpp>

#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

void check_as_completed_options(const as_completed_options& options) {
  if (options.timeout) static_cast<void>(to_nanoseconds(*options.timeout, "timeout"));
}

completion_order::completion_order(std::vector<state_handle> states, const as_completed_options& options)
    : rest_(false), deadline_(options.timeout ? from_now(*options.timeout) : sync::forever) {
  const auto wanted = first_of_its_kind(states);
  for (std::size_t i = 0; i < states.size(); ++i)
    if (wanted[i]) rest_.add({std::move(states[i]), 1});
  total_ = rest_.size();
}

void completion_order::wait() {
  if (home::current())
    throw_invalid_state(
        "plait: as_completed as a range blocks, and this is the thread of a running event loop; there use "
        "`while (auto f = co_await it.next())`");
  // What one blocks for is a promise of the next: the calls have to be told apart from that.
  if (!std::exchange(told_, true)) rest_.want_all();
  static_cast<void>(rest_.wait_until(deadline_));
}

state_handle completion_order::take(bool in_time) {
  if (!in_time || !rest_.ready())
    throw timeout_error("plait: as_completed: " + std::to_string(rest_.size()) + " (of " + std::to_string(total_) +
                        ") futures unfinished");
  return rest_.take().state;
}

completion_order::turn::turn(completion_order& of) : of_(of) {
  if (of.taken_)
    throw_invalid_state("plait: as_completed: next() while another next() of the same waits: await them in turn");
  of.taken_ = true;
}

}  // namespace plait::inline PLAIT_ABI::detail
