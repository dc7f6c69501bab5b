// Who waits for whom, as text.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/task_snapshot.hpp>
#include <plait/loop/introspect.hpp>
#include <plait/loop/introspect_fixture_test.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using introspect_tests::awaits_future;
using introspect_tests::drawn;
using introspect_tests::seen_on;
using introspect_tests::tree_of;
using introspect_tests::waits_for_all;
using test_support::gate;
using test_support::sleeps;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

task<void> awaits_task(task_handle<void> other) { co_await other; }
task<void> sleeps_deep_inside() { co_await sleeps(); }

TEST(introspect, a_loop_without_tasks_says_so) {
  event_loop loop;
  const auto text = seen_on(loop, task_tree);
  EXPECT_THAT(text, StartsWith("loop "));
  EXPECT_THAT(text, EndsWith(" on thread MainThread: no task\n"));
}

TEST(introspect, a_task_that_sleeps_also_where_it_does_so_deep_inside) {
  event_loop loop;
  static_cast<void>(loop.create_task(sleeps(), "sleeper"));
  static_cast<void>(loop.create_task(sleeps_deep_inside(), "deep"));
  EXPECT_EQ(tree_of(loop),
            "task \"sleeper\" waits\n"
            "└─ sleep\n"
            "task \"deep\" waits\n"
            "└─ sleep\n");
}

TEST(introspect, tasks_stand_below_those_that_wait_for_them) {
  event_loop loop;
  const auto last = loop.create_task(sleeps(), "last");
  const auto middle = loop.create_task(awaits_task(last), "middle");
  static_cast<void>(loop.create_task(awaits_task(middle), "first"));
  EXPECT_EQ(tree_of(loop),
            "task \"first\" waits\n"
            "└─ task \"middle\" waits\n"
            "   └─ task \"last\" waits\n"
            "      └─ sleep\n");
}

TEST(introspect, a_task_that_two_wait_for_is_drawn_once) {
  event_loop loop;
  const auto shared = loop.create_task(sleeps(), "shared");
  static_cast<void>(loop.create_task(awaits_task(shared), "one"));
  static_cast<void>(loop.create_task(awaits_task(shared), "two"));
  EXPECT_EQ(tree_of(loop),
            "task \"one\" waits\n"
            "└─ task \"shared\" waits\n"
            "   └─ sleep\n"
            "task \"two\" waits\n"
            "└─ task \"shared\" waits (see above)\n");
}

detail::task_row row(const void* id, std::string name, std::vector<detail::wait_row> waits) {
  detail::task_row made;
  made.id = id;
  made.name = std::move(name);
  made.status = "waits";
  made.waits = std::move(waits);
  return made;
}

TEST(introspect, tasks_that_wait_in_a_ring_are_drawn_and_the_ring_is_cut) {
  const int ids[2] = {};
  detail::loop_snapshot loop;
  loop.tasks.push_back(row(&ids[0], "first", {{"task \"second\"", &ids[1]}}));
  loop.tasks.push_back(row(&ids[1], "second", {{"task \"first\"", &ids[0]}}));
  EXPECT_EQ(drawn(detail::as_tree({loop})),
            "task \"first\" waits\n"
            "└─ task \"second\" waits\n"
            "   └─ task \"first\" waits (see above)\n");
}

TEST(introspect, a_call_stands_with_the_thread_that_runs_it_or_the_queue) {
  thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "decoders"});
  event_loop loop;
  gate begun, release;
  const auto hold = [&] {
    begun.open();
    release.wait();
  };
  const auto runs = pool.submit({.name = "decode"}, hold);
  const auto queued = pool.submit([] {});
  begun.wait();
  static_cast<void>(loop.create_task(awaits_future(runs), "reader"));
  static_cast<void>(loop.create_task(awaits_future(queued)));
  EXPECT_THAT(tree_of(loop), StartsWith("task \"reader\" waits\n"
                                        "└─ call \"decode\" on thread decoders_0\n"));
  EXPECT_THAT(tree_of(loop), EndsWith(" waits\n"
                                      "└─ call queued in decoders\n"));
  release.open();
}

TEST(introspect, a_wait_shows_what_is_not_done) {
  event_loop loop;
  promise<void> one, two, three;
  one.set_value();
  static_cast<void>(
      loop.create_task(waits_for_all({one.get_future(), two.get_future(), three.get_future()}), "waiter"));
  EXPECT_EQ(tree_of(loop),
            "task \"waiter\" waits\n"
            "├─ future\n"
            "└─ future\n");
}

task<std::string> looks() { co_return drawn(task_tree()); }

TEST(introspect, the_task_that_looks_runs) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(loop.create_task(looks(), "me")), "task \"me\" runs\n");
}

TEST(introspect, a_task_that_has_not_begun_is_pending_and_a_woken_one_ready) {
  event_loop loop;
  std::string text;
  promise<void> work;
  static_cast<void>(loop.create_task(awaits_future(work.get_future()), "woken"));
  text = seen_on(loop, [&] {
    work.set_value();
    static_cast<void>(loop.create_task(sleeps(), "new"));
    return drawn(task_tree());
  });
  EXPECT_EQ(text, "task \"woken\" ready\ntask \"new\" pending\n");
}

TEST(introspect, the_table_has_a_line_a_task) {
  const int ids[2] = {};
  detail::loop_snapshot loop;
  loop.number = 3;
  loop.tasks.push_back(row(&ids[0], "ünï", {{"sleep", nullptr}, {"future", nullptr}}));
  loop.tasks.push_back(row(&ids[1], "", {}));
  loop.tasks[0].created_at = "x.cpp:12";
  EXPECT_EQ(detail::as_table({loop}),
            "loop 3: 2 tasks\n"
            "TASK       STATUS  CREATED AT  WAITS FOR\n"
            "ünï        waits   x.cpp:12    sleep, future\n"
            "(no name)  waits   -           -\n");
}

TEST(introspect, the_table_tells_where_tasks_were_created_and_escapes_names) {
  event_loop loop;
  static_cast<void>(loop.create_task(sleeps(), "with\x1b[31m\n"));
  const auto line = std::to_string(__LINE__ - 1);
  const auto text = seen_on(loop, task_table);
  EXPECT_THAT(text, HasSubstr("with\\x1b[31m\\n "));
  EXPECT_THAT(text, HasSubstr("introspect_test.cpp:" + line + "  sleep\n"));
}

TEST(introspect, a_long_chain_goes_on_further_down) {
  detail::loop_snapshot loop;
  std::vector<int> ids(1'000);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::vector<detail::wait_row> waits;
    if (i + 1 < ids.size()) waits.push_back({"task \"t" + std::to_string(i + 1) + "\"", &ids[i + 1]});
    loop.tasks.push_back(row(&ids[i], "t" + std::to_string(i), std::move(waits)));
  }
  const auto text = detail::as_tree({loop});
  EXPECT_THAT(text, HasSubstr("task \"t40\" (see below)\n"));
  EXPECT_THAT(text, HasSubstr("\ntask \"t40\" waits\n"));
  EXPECT_THAT(text, HasSubstr("task \"t999\" waits\n"));
  EXPECT_LT(text.size(), 200'000U);
}

TEST(introspect, from_a_thread_without_a_loop_all_loops_are_asked) {
  event_loop idle;
  std::string text;
  gate runs;
  event_loop loop;
  static_cast<void>(loop.create_task(sleeps(), "sleeper"));
  std::thread elsewhere([&] {
    runs.wait();
    do text = task_tree();
    while (text.find("does not answer") != std::string::npos);  // its thread got no processor for a second
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.call_soon([&] { loop.call_soon([&] { runs.open(); }); });
  loop.run_forever();
  elsewhere.join();
  EXPECT_THAT(text, HasSubstr(": it does not run now\n"));
  EXPECT_THAT(text, HasSubstr(" on thread MainThread: 1 task\ntask \"sleeper\" waits"));
}

/// What `print` writes to a file.
std::string written(const std::function<void(std::FILE*)>& print) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  if (!file) return "(no file)";
  print(file.get());
  std::string text(static_cast<std::size_t>(std::ftell(file.get())), '\0');
  std::rewind(file.get());
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

TEST(introspect, prints_to_a_file) {
  event_loop loop;
  static_cast<void>(loop.create_task(sleeps(), "sleeper"));
  const auto table = seen_on(loop, [] { return written([](std::FILE* to) { print_tasks(task_style::table, to); }); });
  EXPECT_THAT(table, StartsWith("loop "));
  EXPECT_THAT(table, HasSubstr(": 1 task\nTASK     STATUS  CREATED AT "));
  EXPECT_THAT(table, HasSubstr("\nsleeper  waits   introspect_test.cpp:"));
  EXPECT_THAT(table, EndsWith("  sleep\n"));
  const auto tree = seen_on(loop, [] { return written([](std::FILE* to) { print_tasks(task_style::tree, to); }); });
  EXPECT_THAT(tree, StartsWith("loop "));
  EXPECT_THAT(tree, HasSubstr(": 1 task\ntask \"sleeper\" waits  [introspect_test.cpp:"));
  EXPECT_THAT(tree, EndsWith("]\n└─ sleep\n"));
}

}  // namespace
}  // namespace plait
