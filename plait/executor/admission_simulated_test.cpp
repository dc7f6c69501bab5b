// Room in a bounded executor: what is handed on is taken or comes back, also where its taker gives up at that moment.
#if defined(PLAIT_SIMULATED)

#include <plait/executor/internal/admission.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <memory>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using test_support::must;
using test_support::walk;
using test_support::wander;

TEST(admission_race, cancel_of_a_waiter_against_hand_on) {
  bool seen[2] = {};
  walk({.max_preemptions = 3}, [&seen] {
    const auto room = std::make_shared<detail::admission>(1, detail::admission::unlimited);
    must(room->try_enter(0), "no room at the begin");
    auto impatient = room->acquire();
    auto patient = room->acquire();
    sync::thread leaver([&] { room->leave(0); });
    const bool dropped = impatient.cancel() == cancel_outcome::dropped;
    leaver.join();
    must(impatient.done() && impatient.cancelled() == dropped, "another outcome than cancel said");
    if (!dropped) static_cast<void>(std::move(impatient).result());  // and gives it back
    must(patient.done() && !patient.cancelled(), "the room did not go on to the next");
    static_cast<void>(std::move(patient).result());
    must(room->try_enter(0), "room was lost");
    must(!room->try_enter(0), "room was made twice");
    seen[dropped] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(admission_race, drop_of_a_waiter_against_hand_on) {
  walk({.max_preemptions = 3}, [] {
    const auto room = std::make_shared<detail::admission>(1, detail::admission::unlimited);
    must(room->try_enter(0), "no room at the begin");
    auto impatient = room->acquire();
    sync::thread leaver([&] { room->leave(0); });
    impatient = {};
    leaver.join();
    must(room->try_enter(0), "room was lost");
  });
}

TEST(admission_race, acquire_against_leave_against_close) {
  walk({.max_preemptions = 2}, [] {
    const auto room = std::make_shared<detail::admission>(1, detail::admission::unlimited);
    must(room->try_enter(0), "no room at the begin");
    sync::thread leaver([&] { room->leave(0); });
    sync::thread closer([&] { room->close(std::make_exception_ptr(shut_down_error("x"))); });
    try {
      static_cast<void>(room->acquire().result());  // by room, or by the close: it must come back
    } catch (const shut_down_error&) {
    }
    leaver.join();
    closer.join();
  });
}

// Nobody ever leaves: it is the close that must answer.
TEST(admission_race, acquire_against_close) {
  walk({.max_preemptions = 3}, [] {
    const auto room = std::make_shared<detail::admission>(1, detail::admission::unlimited);
    must(room->try_enter(0), "no room at the begin");
    sync::thread closer([&] { room->close(std::make_exception_ptr(shut_down_error("x"))); });
    try {
      static_cast<void>(room->acquire().result());  // after the close: the executor itself says why it takes nothing
    } catch (const shut_down_error&) {
    }
    closer.join();
  });
}

// Submit blocks until there is room; two do, and the one worker makes room for both.
TEST(admission_race, blocking_submits_in_a_pool_with_room_for_one) {
  const auto body = [] {
    sync::atomic<int> runs{0};
    {
      thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
      const auto submit = [&] { return pool.submit([&] { return runs.fetch_add(1); }); };
      sync::thread other([&] {
        auto first = submit();
        auto second = submit();
      });
      auto third = submit();
      auto fourth = submit();
      other.join();
    }
    must(runs.load() == 4, "a call was lost or ran twice");
  };
  walk({.max_preemptions = 1}, body);
  wander(20'000, body);
}

TEST(admission_race, blocking_submit_against_cancel_of_what_waits) {
  const auto body = [] {
    sync::atomic<int> runs{0};
    bool dropped = false;
    {
      thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
      auto first = pool.submit([&] { runs.fetch_add(1); });
      sync::thread other([&] { dropped = first.cancel() == cancel_outcome::dropped; });
      auto second = pool.submit([&] { runs.fetch_add(1); });
      second.result();
      other.join();
    }
    must(runs.load() == (dropped ? 1 : 2), "dropped and run, or neither");
  };
  walk({.max_preemptions = 1}, body);
  wander(20'000, body);
}

TEST(admission_race, blocking_submit_against_shutdown) {
  walk({.max_preemptions = 1}, [] {
    thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
    auto first = pool.submit([] {});
    sync::thread other([&] {
      try {
        std::optional<future<void>> late = pool.submit([] {});
        pool.submit([] {}).result();
        late->result();
      } catch (const shut_down_error&) {
      }
    });
    must(pool.shutdown(shutdown_mode::drain), "shutdown came back before its time");
    other.join();
    must(first.done() && !first.cancelled(), "drain has not run a call");
  });
}

}  // namespace
}  // namespace plait

#endif
