// add_reader and add_writer.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/readable.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/pipe.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/witness.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::ledger;
using test_support::message_of;
using test_support::pipe_ends;
using test_support::recorded_reports;
using test_support::witness;

TEST(add_reader, calls_for_each_news) {
  const pipe_ends pipe;
  event_loop loop;
  std::string got;
  loop.add_reader(
      pipe.out(),
      [&](int times) {
        got += pipe.read();
        if (static_cast<int>(got.size()) == times)
          loop.stop();
        else
          pipe.write("x");
      },
      5);
  pipe.write("x");
  loop.run_forever();
  EXPECT_EQ(got, "xxxxx");
}

TEST(add_reader, calls_again_while_nothing_is_read) {
  const pipe_ends pipe;
  event_loop loop;
  int calls = 0;
  loop.add_reader(pipe.out(), [&] {
    if (++calls == 3) loop.stop();
  });
  pipe.write("x");
  loop.run_forever();
  EXPECT_EQ(calls, 3);
}

TEST(add_reader, lets_others_have_their_turns) {
  const pipe_ends pipe;
  event_loop loop;
  loop.add_reader(pipe.out(), [] {});
  pipe.write("x");
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
}

TEST(add_reader, replaces_the_one_before) {
  const pipe_ends pipe;
  event_loop loop;
  ledger former;
  loop.add_reader(pipe.out(), [w = std::make_shared<witness>(former)] { FAIL(); });
  loop.add_reader(pipe.out(), [&] { loop.stop(); });
  EXPECT_EQ(former.alive, 0);
  pipe.write("x");
  loop.run_forever();
}

TEST(remove_reader, says_whether_there_was_one) {
  const pipe_ends pipe;
  event_loop loop;
  EXPECT_FALSE(loop.remove_reader(pipe.out()));
  loop.add_reader(pipe.out(), [] { FAIL(); });
  EXPECT_FALSE(loop.remove_writer(pipe.out()));
  EXPECT_TRUE(loop.remove_reader(pipe.out()));
  EXPECT_FALSE(loop.remove_reader(pipe.out()));
  pipe.write("x");
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
}

TEST(remove_reader, inside_its_own_call) {
  const pipe_ends pipe;
  event_loop loop;
  ledger seen;
  int calls = 0;
  loop.add_reader(pipe.out(), [&, w = std::make_shared<witness>(seen)] {
    ++calls;
    EXPECT_TRUE(loop.remove_reader(pipe.out()));
    EXPECT_EQ(seen.alive, 1);  // this call's own
    loop.call_later(1ms, [&] { loop.stop(); });
  });
  pipe.write("x");
  loop.run_forever();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(seen.alive, 0);
}

TEST(remove_reader, takes_back_a_call_that_is_due) {
  const pipe_ends one;
  const pipe_ends other;
  event_loop loop;
  int calls = 0;
  for (const auto* pipe : {&one, &other})
    loop.add_reader(pipe->out(), [&] {
      ++calls;
      loop.remove_reader(one.out());
      loop.remove_reader(other.out());
      loop.call_later(1ms, [&] { loop.stop(); });
    });
  one.write("x");
  other.write("x");
  loop.run_forever();
  EXPECT_EQ(calls, 1);
}

TEST(add_writer, calls_when_there_is_room) {
  const pipe_ends pipe;
  pipe.fill();
  event_loop loop;
  bool drained = false;
  loop.add_writer(pipe.in(), [&] {
    EXPECT_TRUE(drained);
    EXPECT_TRUE(loop.remove_writer(pipe.in()));
    loop.stop();
  });
  loop.call_later(1ms, [&] {
    drained = true;
    pipe.drain();
  });
  loop.run_forever();
}

task<void> waits(int descriptor) { co_await readable(descriptor); }

TEST(add_reader, shares_its_descriptor_with_coroutines) {
  const pipe_ends pipe;
  event_loop loop;
  int calls = 0;
  loop.add_reader(pipe.out(), [&] {
    ++calls;
    static_cast<void>(pipe.read());
  });
  const auto waiting = loop.create_task(waits(pipe.out()));
  loop.call_soon([&] { loop.call_soon([&] { pipe.write("x"); }); });
  loop.run_until_complete(waiting);
  EXPECT_EQ(calls, 1);
}

TEST(add_reader, that_throws_is_reported_and_called_again) {
  const recorded_reports reports;
  const pipe_ends pipe;
  event_loop loop;
  int calls = 0;
  loop.add_reader(pipe.out(), [&] {
    if (++calls == 2) loop.stop();
    throw std::runtime_error("of a reader");
  });
  pipe.write("x");
  loop.run_forever();
  const auto line =
      "a reader of descriptor " + std::to_string(pipe.out()) + " threw std::runtime_error: of a reader\n";
  EXPECT_EQ(recorded_reports::text(), line + line);
}

TEST(add_reader, whose_descriptor_is_closed_in_its_call_is_removed_with_a_warning) {
  const recorded_reports reports;
  pipe_ends pipe;
  const int number = pipe.out();
  event_loop loop;
  loop.add_reader(number, [&] {
    pipe.close_out();
    loop.call_later(1ms, [&] { loop.stop(); });
  });
  pipe.write("x");
  loop.run_forever();
  EXPECT_EQ(recorded_reports::text(), "descriptor " + std::to_string(number) +
                                          " can't be watched any more (Bad file descriptor): its reader and its "
                                          "writer are removed. Remove them before closing it\n");
  EXPECT_FALSE(loop.remove_reader(number));
}

TEST(add_reader, of_a_regular_file_is_called_in_every_turn) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  event_loop loop;
  int calls = 0;
  loop.add_reader(file, [&] {
    if (++calls == 3) loop.stop();
  });
  loop.run_forever();
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(loop.remove_reader(file));
  ::close(file);
}

TEST(add_reader, ends_with_its_loop) {
  const pipe_ends pipe;
  ledger seen;
  {
    event_loop loop;
    loop.add_reader(pipe.out(), [w = std::make_shared<witness>(seen)] { FAIL(); });
    pipe.write("x");
  }
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(seen.died_elsewhere, 0);
}

TEST(add_reader, that_is_due_when_its_loop_closes_is_dropped) {
  const pipe_ends one;
  const pipe_ends other;
  ledger seen;
  {
    event_loop loop;
    for (const auto* pipe : {&one, &other}) {
      loop.add_reader(pipe->out(), [&, w = std::make_shared<witness>(seen)] { loop.stop(); });
      pipe->write("x");
    }
    loop.run_forever();
  }
  EXPECT_EQ(seen.alive, 0);
}

TEST(add_reader, refuses_what_it_cannot_watch) {
  event_loop loop;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.add_reader(-5, [] {}); }),
            "plait: descriptor is -5; expected an open descriptor");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.remove_writer(-5); }),
            "plait: descriptor is -5; expected an open descriptor");
  EXPECT_EQ(message_of<std::system_error>([&] { loop.add_writer(1'000'000'000, [] {}); }),
            "plait: add_writer: descriptor 1000000000: Bad file descriptor");
  loop.close();
  EXPECT_THROW(loop.add_reader(0, [] {}), loop_closed_error);
}

TEST(add_reader, from_another_thread_is_an_error) {
  const pipe_ends pipe;
  event_loop loop;
  std::vector<std::string> refused;
  std::thread other;
  loop.call_soon([&] {
    other = std::thread([&] {
      const auto call = [&](auto called) { refused.push_back(message_of<invalid_state_error>(called)); };
      call([&] { loop.add_reader(pipe.out(), [] {}); });
      call([&] { loop.add_writer(pipe.in(), [] {}); });
      call([&] { return loop.remove_reader(pipe.out()); });
      call([&] { return loop.remove_writer(pipe.in()); });
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
  });
  loop.run_forever();
  other.join();
  std::vector<std::string> expected;
  for (const std::string name : {"add_reader", "add_writer", "remove_reader", "remove_writer"})
    expected.push_back("plait: " + name +
                       " from another thread than the one on which its event loop runs; use call_soon_threadsafe to "
                       "get there");
  EXPECT_EQ(refused, expected);
}

TEST(add_reader, survives_a_forked_child_that_closes_its_copy_of_the_loop) {
  const pipe_ends pipe;
  event_loop loop;
  bool called = false;
  loop.add_reader(pipe.out(), [&] {
    called = true;
    loop.stop();
  });
  const auto child = ::fork();
  if (child == 0) {
    loop.close();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  pipe.write("x");
  loop.run_forever();
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace plait
