// Coroutines that wait for descriptors.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/readable.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/pipe.hpp>
#include <tests/support/tasks.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_in;
using test_support::message_of;
using test_support::pipe_ends;
using test_support::reads_once;

task<void> waits_to_read(int descriptor) { co_await readable(descriptor); }
task<void> waits_to_write(int descriptor) { co_await writable(descriptor); }

TEST(readable, resumes_when_there_is_something_to_read) {
  const pipe_ends pipe;
  event_loop loop;
  const auto read = loop.create_task(reads_once(pipe));
  loop.call_soon([&] { loop.call_soon([&] { pipe.write("news"); }); });  // after it waits
  EXPECT_EQ(loop.run_until_complete(read), "news");
}

TEST(readable, wakes_a_loop_that_sleeps) {
  const pipe_ends pipe;
  test_support::gate waiting;
  std::thread writer([&] {
    waiting.wait();
    pipe.write("from a thread");
  });
  event_loop loop;
  loop.call_later(1ms, [&] { waiting.open(); });
  EXPECT_EQ(loop.run_until_complete(loop.create_task(reads_once(pipe))), "from a thread");
  writer.join();
}

TEST(readable, resumes_at_the_end_of_what_can_be_read) {
  pipe_ends pipe;
  event_loop loop;
  const auto read = loop.create_task(reads_once(pipe));
  loop.call_soon([&] { loop.call_soon([&] { pipe.close_in(); }); });
  EXPECT_EQ(loop.run_until_complete(read), "");
}

task<void> echoes(const pipe_ends& there, const pipe_ends& back, int times) {
  for (int i = 0; i < times; ++i) {
    co_await readable(there.out());
    back.write(there.read());
  }
}
task<int> asks(const pipe_ends& there, const pipe_ends& back, int times) {
  int answers = 0;
  for (int i = 0; i < times; ++i) {
    const auto question = std::to_string(i);
    there.write(question);
    co_await readable(back.out());
    if (back.read() == question) ++answers;
  }
  co_return answers;
}

TEST(readable, again_and_again) {
  const pipe_ends there;
  const pipe_ends back;
  event_loop loop;
  static_cast<void>(loop.create_task(echoes(there, back, 1'000)));
  EXPECT_EQ(loop.run_until_complete(asks(there, back, 1'000)), 1'000);
}

TEST(readable, wakes_all_who_wait_for_the_same_descriptor) {
  const pipe_ends pipe;
  event_loop loop;
  std::vector<task_handle<void>> all;
  for (int i = 0; i < 3; ++i) all.push_back(loop.create_task(waits_to_read(pipe.out())));
  loop.call_soon([&] { loop.call_soon([&] { pipe.write("for all"); }); });
  for (const auto& one : all) loop.run_until_complete(one);
}

TEST(writable, resumes_when_there_is_room) {
  const pipe_ends pipe;
  pipe.fill();
  event_loop loop;
  const auto written = loop.create_task(waits_to_write(pipe.in()));
  bool too_early = false;
  loop.call_later(1ms, [&] {
    too_early = written.done();
    pipe.drain();
  });
  loop.run_until_complete(written);
  EXPECT_FALSE(too_early);
}

TEST(writable, and_readable_wait_for_one_descriptor_independently) {
  int both[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both), 0);
  event_loop loop;
  const auto read = loop.create_task(waits_to_read(both[0]));
  loop.run_until_complete(waits_to_write(both[0]));
  EXPECT_FALSE(read.done());
  ASSERT_EQ(::write(both[1], "x", 1), 1);
  loop.run_until_complete(read);
  ::close(both[0]);
  ::close(both[1]);
}

TEST(readable, of_a_regular_file_is_always_ready) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  for (int i = 0; i < 3; ++i) sync_wait(waits_to_read(file));
  sync_wait(waits_to_write(file));
  ::close(file);
}

TEST(readable, cancelled_leaves_the_others_waiting_and_loses_nothing) {
  const pipe_ends pipe;
  event_loop loop;
  const auto leaves = loop.create_task(waits_to_read(pipe.out()));
  const auto stays = loop.create_task(reads_once(pipe));
  const auto last = loop.create_task(waits_to_read(pipe.out()));
  loop.call_soon([&] { static_cast<void>(leaves.cancel()), static_cast<void>(last.cancel()); });
  EXPECT_THROW(loop.run_until_complete(leaves), cancelled_error);
  EXPECT_THROW(loop.run_until_complete(last), cancelled_error);
  EXPECT_FALSE(stays.done());
  pipe.write("still there");
  EXPECT_EQ(loop.run_until_complete(stays), "still there");
}

TEST(readable, cancelled_when_it_was_woken_already_sees_the_cancel) {
  const pipe_ends pipe;
  event_loop loop;
  const auto waits = loop.create_task(waits_to_read(pipe.out()));
  loop.call_soon([&] {
    loop.call_soon([&] {
      pipe.write("x");
      // The report comes in the same turn as this callback, and wakes the coroutine behind it: the loop looks at its
      // descriptors before it runs what is ready.
      loop.call_soon([&] { static_cast<void>(waits.cancel()); });
    });
  });
  EXPECT_THROW(loop.run_until_complete(waits), cancelled_error);
  EXPECT_EQ(loop.run_until_complete(loop.create_task(reads_once(pipe))), "x");
}

TEST(readable, waiting_when_the_loop_closes_is_cancelled) {
  const pipe_ends pipe;
  event_loop loop;
  const auto waits = loop.create_task(waits_to_read(pipe.out()));
  loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  loop.run_forever();
  loop.close();
  EXPECT_TRUE(waits.cancelled());
}

TEST(readable, refuses_what_is_no_open_descriptor) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(readable(-1)); }),
            "plait: descriptor is -1; expected an open descriptor");
  event_loop loop;  // before: it has descriptors of its own
  pipe_ends closed;
  const int number = closed.out();
  closed.close_out();
  const auto refused = loop.create_task(waits_to_read(number));
  const auto other = loop.create_task(waits_to_write(1'000'000'000));
  EXPECT_EQ(message_of<std::system_error>([&] { loop.run_until_complete(refused); }),
            "plait: readable: descriptor " + std::to_string(number) + ": Bad file descriptor");
  EXPECT_EQ(message_of<std::system_error>([&] { loop.run_until_complete(other); }),
            "plait: writable: descriptor 1000000000: Bad file descriptor");
}

TEST(readable, refuses_the_loops_own_descriptor) {
  event_loop loop;
  const auto refused = loop.create_task(waits_to_read(loop.descriptor()));
  EXPECT_NE(message_of<std::system_error>([&] { loop.run_until_complete(refused); }).find("readable: descriptor"),
            std::string::npos);
}

TEST(readable, of_a_number_that_was_closed_and_opened_again_waits_for_the_new_file) {
  auto former = std::make_unique<pipe_ends>();
  const int number = former->out();
  const int stays_open = ::dup(number);  // so that epoll keeps the former file
  event_loop loop;
  const auto of_former = loop.create_task(waits_to_read(number));
  loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  loop.run_forever();

  const pipe_ends present;
  former->close_out();
  ASSERT_EQ(::dup2(present.out(), number), number);
  former->write("not for you");
  const auto of_present = loop.create_task(waits_to_read(number));
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
  EXPECT_FALSE(of_present.done());
  present.write("x");
  loop.run_until_complete(of_present);
  loop.run_until_complete(of_former);
  ::close(stays_open);
  ::close(number);
}

TEST(readable, of_a_number_that_was_closed_meanwhile_wakes_the_others_when_that_is_found_out) {
  pipe_ends pipe;
  const int number = pipe.out();
  event_loop loop;
  const auto first = loop.create_task(waits_to_read(number));
  loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  loop.run_forever();
  pipe.close_out();
  const auto second = loop.create_task(waits_to_read(number));
  EXPECT_THROW(loop.run_until_complete(second), std::system_error);
  loop.run_until_complete(first);
}

task<void> spins(const bool& over) {
  while (!over) co_await sleep(0s);
}

TEST(readable, is_seen_by_a_loop_that_is_never_idle) {
  const pipe_ends pipe;
  event_loop loop;
  bool over = false;
  static_cast<void>(loop.create_task(spins(over)));
  pipe.write("x");
  loop.run_until_complete(waits_to_read(pipe.out()));
  over = true;
}

test_support::detached waits_alone(int descriptor, bool* refused) {
  try {
    co_await readable(descriptor);
  } catch (const no_running_loop_error&) {
    *refused = true;
  }
}

TEST(readable, needs_a_running_loop) {
  const pipe_ends pipe;
  bool refused = false;
  waits_alone(pipe.out(), &refused);
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace plait
