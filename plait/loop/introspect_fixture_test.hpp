// What the tests of introspection share: the tree as a loop sees it, without what changes from run to run.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/introspect.hpp>
#include <plait/loop/wait.hpp>

#include <functional>
#include <string>
#include <vector>

namespace plait::introspect_tests {

/// `text` without its first line, and without where tasks were created.
inline std::string drawn(std::string text) {
  text.erase(0, text.find('\n') + 1);
  for (auto at = text.find("  ["); at != std::string::npos; at = text.find("  ["))
    text.erase(at, text.find(']', at) + 1 - at);
  return text;
}

/// What `look` says in a callback, a turn after all that is ready now.
inline std::string seen_on(event_loop& loop, const std::function<std::string()>& look) {
  std::string text;
  loop.call_soon([&] {
    loop.call_soon([&] {
      text = look();
      loop.stop();
    });
  });
  loop.run_forever();
  return text;
}
inline std::string tree_of(event_loop& loop) {
  return seen_on(loop, [] { return drawn(task_tree()); });
}

inline task<void> awaits_future(future<void> other) { co_await other; }
inline task<void> waits_for_all(std::vector<future<void>> all) { static_cast<void>(co_await wait(all)); }

}  // namespace plait::introspect_tests
