// gather, as_completed, a task group, for docs/from_python.md.
#include <plait/plait.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;

plait::task<int> count(std::string text, int delay_ms) {
  co_await plait::sleep(std::chrono::milliseconds(delay_ms));
  co_return static_cast<int>(text.size());
}

plait::task<void> prints_count(std::string text) {
  const int counted = co_await count(text, 1);
  fmt::print("{}: {}\n", text, counted);
}

plait::task<int> count_after(plait::event& begins, std::string text) {
  co_await begins.wait();
  co_return static_cast<int>(text.size());
}

plait::task<void> async_main() {
  std::vector<std::string> texts{"one"};
  co_await plait::with_task_group(
      [](plait::task_group& group, std::vector<std::string>* all) -> plait::task<void> {
        for (const auto& text : *all) group.create_task(prints_count(text));
        co_return;
      },
      &texts);

  const auto [a, b] = co_await plait::gather(count("one", 2), count("three", 1));
  fmt::print("{} {}\n", a, b);

  auto& loop = plait::get_running_loop();
  plait::event first_is_there;
  std::vector<plait::task_handle<int>> running;
  running.push_back(loop.create_task(count_after(first_is_there, "three")));
  running.push_back(loop.create_task(count("one", 1)));
  auto finished = plait::as_completed(running);
  while (auto next = co_await finished.next()) {
    fmt::print("{}\n", next->result());
    first_is_there.set();
  }
}

int main() { plait::run(async_main()); }

// Output:
// one: 3
// 3 5
// 3
// 5
