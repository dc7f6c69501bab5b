// A loop against the threads that hand it something: nothing posted is left lying while it sleeps, and it may be
// destroyed as soon as what it waited for has arrived (AddressSanitizer judges that).
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/backlog.hpp>
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/inbox.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;
using test_support::wander;

struct note final : detail::ready {
  void run() noexcept override { ran = true; }
  bool ran = false;
};

// The loop's side of the inbox, without the loop: takes until `wanted` notes have come. Only its first sleep ends at
// the deadline.
void take_notes(detail::inbox& from, int wanted, time_point deadline) {
  while (wanted > 0) {
    auto* entry = from.take();
    if (!entry) from.sleep(std::exchange(deadline, sync::forever));
    for (; entry; --wanted) {
      auto* const next = entry->next;
      entry->run();
      entry = next;
    }
  }
}

TEST(inbox_race, two_posts_against_sleep_against_close) {
  walk({.max_preemptions = 3, .early_timeouts = true}, [] {
    note first;
    note second;
    auto box = std::make_unique<detail::inbox>();
    sync::thread one([&, to = box.get()] { must(to->post(first), "refused by an open inbox"); });
    sync::thread other([&, to = box.get()] { must(to->post(second), "refused by an open inbox"); });
    take_notes(*box, 2, simulated::choose(2) == 0 ? sync::forever : sync::now() + 1s);
    must(box->close() == nullptr, "something came twice");
    box.reset();  // one of the threads may still be on its way out of post()
    must(first.ran && second.ran, "something else came");
    one.join();
    other.join();
  });
}

TEST(inbox_race, post_against_close) {
  walk({.max_preemptions = 1'000'000}, [] {
    note first;
    detail::inbox box;
    bool taken = false;
    sync::thread one([&] { taken = box.post(first); });
    if (simulated::choose(2) == 1) box.sleep(sync::now() + 1s);
    auto* const left = box.close();
    one.join();
    must(taken == (left != nullptr), "taken and not given, or given and not taken");
    must(!taken || left == &first, "something else was given");
  });
}

// As a worker that leaves calls waiting.
void post_with_backlog(detail::inbox& to, note& what) {
  detail::leaves_backlog::set(true);
  must(to.post_result(what), "refused by an open inbox");
  detail::leaves_backlog::set(false);
}

// Then it naps, if it was posted while the loop slept.
void take_first(detail::inbox& box, note& first) {
  sync::thread worker([&] { post_with_backlog(box, first); });
  while (box.empty()) box.sleep(sync::forever);
  must(box.take() == &first, "something else came");
  worker.join();
}

TEST(inbox_race, naps_against_posts_with_and_without_a_backlog_against_close) {
  walk({.max_preemptions = 3, .early_timeouts = true}, [] {
    note first;
    note second;
    note third;
    auto box = std::make_unique<detail::inbox>();
    sync::thread worker([&, to = box.get()] {
      post_with_backlog(*to, first);
      post_with_backlog(*to, second);
    });
    sync::thread other([&, to = box.get()] { must(to->post(third), "refused by an open inbox"); });
    take_notes(*box, 3, sync::forever);
    must(box->close() == nullptr, "something came twice");
    box.reset();
    must(first.ran && second.ran && third.ran, "something else came");
    worker.join();
    other.join();
  });
}

TEST(inbox_race, a_nap_is_ended_at_once_by_a_post_without_a_backlog_and_by_no_other) {
  bool napped = false;
  bool was_woken = false;
  walk({}, [&] {
    note first;
    note second;
    detail::inbox box;
    take_first(box, first);
    if (box.naps()) {  // else it was posted before the sleep
      const bool behind = simulated::choose(2) == 1;
      sync::thread next([&] {
        if (behind)
          post_with_backlog(box, second);
        else
          must(box.post(second), "refused by an open inbox");
      });
      const auto began = sync::now();
      box.sleep(sync::forever);
      const auto slept = sync::now() - began;
      next.join();
      must(box.take() == &second, "it did not come");
      must(slept == 0ns || (behind && slept == detail::inbox::longest_nap), "it slept for another time");
      must(box.naps(), "it brought something, and is not followed by another");
      napped |= slept > 0ns;
      was_woken |= !behind;
    }
    must(box.close() == nullptr, "something came twice");
  });
  EXPECT_TRUE(napped && was_woken);
}

TEST(inbox_race, naps_are_over_when_one_brings_nothing_or_entries_come_one_by_one) {
  bool brought_nothing = false;
  bool came_alone = false;
  walk({}, [&] {
    note first;
    note second;
    note third;
    detail::inbox box;
    take_first(box, first);
    if (box.naps()) {
      const auto come = [&](std::initializer_list<note*> notes) {
        for (auto* const each : notes) must(box.post(*each), "refused by an open inbox");
        must(box.take() == *notes.begin(), "something else came");
      };
      if (simulated::choose(2) == 1) {
        box.sleep(sync::forever);
        must(!box.naps(), "it brought nothing, and is followed by another");
        brought_nothing = true;
      } else {
        for (int i = 1; i < detail::inbox::enough_alone - 1; ++i) come({&second});  // the first was one too
        come({&second, &third});
        for (int i = 0; i < detail::inbox::enough_alone - 1; ++i) come({&second});
        must(box.naps(), "it has counted those before two came together");
        must(box.take() == nullptr, "something came twice");
        must(!box.naps(), "it has brought one at most, as often as is enough, and naps on");
        came_alone = true;
      }
    }
    must(box.close() == nullptr, "something came twice");
  });
  EXPECT_TRUE(brought_nothing && came_alone);
}

TEST(loop_race, end_of_the_loop_against_the_thread_that_completed_its_last_future) {
  walk({}, [] {
    promise<int> work;
    std::optional<event_loop> loop(std::in_place);
    sync::thread other([&] { work.set_value(7); });
    must(loop->run_until_complete([](future<int> f) -> task<int> { co_return co_await f; }(work.get_future())) == 7,
         "another value");
    loop.reset();
    other.join();
  });
}

TEST(loop_race, end_of_the_loop_against_the_call_that_it_waited_for) {
  walk({.max_preemptions = 1}, [] {
    thread_pool_executor pool({.max_workers = 1});
    for (int i = 0; i < 2; ++i) {
      event_loop loop;
      loop.run_until_complete([](thread_pool_executor& where) -> task<void> { co_await where.submit([] {}); }(pool));
    }
  });
}

TEST(loop_race, call_soon_threadsafe_against_sleep_against_stop) {
  walk({}, [] {
    event_loop loop;
    int ran = 0;
    sync::thread other([&] {
      loop.call_soon_threadsafe([&] { ++ran; });
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
    loop.run_forever();
    other.join();
    must(ran == 1, "a callback was lost");
  });
}

TEST(loop_race, one_future_awaited_from_two_loops) {
  const auto body = [] {
    promise<int> work;
    const auto shared = work.get_future();
    const auto look = [](future<int> f) -> task<int> { co_return co_await f; };
    const auto run_one = [&] {
      event_loop loop;
      must(loop.run_until_complete(look(shared)) == 7, "another value");
    };
    sync::thread first(run_one);
    sync::thread second(run_one);
    work.set_value(7);
    first.join();
    second.join();
  };
  walk({.max_preemptions = 1}, body);
  wander(10'000, body);
}

}  // namespace
}  // namespace plait

#endif
