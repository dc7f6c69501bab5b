#include <plait/core/context_var.hpp>
#include <plait/core/promise.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/witness.hpp>

namespace {

using test_support::ledger;
using test_support::message_of;
using test_support::witness;
using testing::HasSubstr;

/// What the tests set is gone at their end.
template <class F> void in_context_of_its_own(F f) {
  const plait::detail::context_scope own{plait::detail::context_copy()};
  f();
}

TEST(context_var, gives_what_was_set) {
  const plait::context_var<std::string> request("request");
  in_context_of_its_own([&] {
    request.set("4711");
    EXPECT_EQ(request.get(), "4711");
    request.set("4712");
    EXPECT_EQ(request.get(), "4712");
  });
}

TEST(context_var, without_a_value_and_a_default_names_itself) {
  const plait::context_var<std::string> request("request");
  EXPECT_EQ(message_of<plait::no_context_value_error>([&] { return request.get(); }),
            "plait: the context variable \"request\" has no value here, and no default; set() it in this task or in "
            "who starts it, or use get_or()");
  EXPECT_EQ(request.name(), "request");
}

TEST(context_var, gives_its_default_where_nothing_is_set) {
  const plait::context_var<std::string> level("level", "info");
  EXPECT_EQ(level.get(), "info");
  EXPECT_EQ(level.get_or("debug"), "info");
}

TEST(context_var, gives_what_the_caller_names_where_there_is_neither) {
  const plait::context_var<std::string> request("request");
  EXPECT_EQ(request.get_or("none"), "none");
  const auto guard = request.scoped("4711");
  EXPECT_EQ(request.get_or("none"), "4711");
}

TEST(context_var, variables_of_one_name_have_their_own_values) {
  const plait::context_var<int> one("x");
  const plait::context_var<int> other("x");
  in_context_of_its_own([&] {
    one.set(1);
    other.set(2);
    EXPECT_EQ(one.get(), 1);
    EXPECT_EQ(other.get(), 2);
  });
}

TEST(context_var, holds_what_can_only_be_moved) {
  const plait::context_var<std::unique_ptr<int>> owner("owner");
  const auto guard = owner.scoped(std::make_unique<int>(7));
  EXPECT_EQ(*owner.get(), 7);
}

TEST(context_var, holds_a_pointer_and_null) {
  int target = 1;
  const plait::context_var<int*> pointer("pointer", nullptr);
  EXPECT_EQ(pointer.get(), nullptr);
  const auto guard = pointer.scoped(&target);
  EXPECT_EQ(pointer.get(), &target);
}

TEST(context_var, one_that_took_the_place_of_another_has_not_its_value) {
  in_context_of_its_own([] {
    std::optional<plait::context_var<std::string>> text("text");
    text->set("4711");
    text.reset();
    const plait::context_var<int> number("number");
    EXPECT_EQ(number.get_or(1), 1);
    text.emplace("text");
    EXPECT_EQ(text->get_or("none"), "none");
  });
}

// ── reset ──

TEST(context_var_reset, brings_back_what_was_before) {
  const plait::context_var<int> n("n");
  in_context_of_its_own([&] {
    auto first = n.set(1);
    auto second = n.set(2);
    n.reset(second);
    EXPECT_EQ(n.get(), 1);
    n.reset(first);
    EXPECT_EQ(n.get_or(0), 0);
  });
}

TEST(context_var_reset, leaves_other_variables_as_they_are) {
  const plait::context_var<int> n("n");
  const plait::context_var<int> other("other");
  in_context_of_its_own([&] {
    auto before = n.set(1);
    auto token = n.set(2);
    other.set(3);
    n.reset(token);
    EXPECT_EQ(n.get(), 1);
    EXPECT_EQ(other.get(), 3);
    n.reset(before);
    EXPECT_EQ(n.get_or(0), 0);
    EXPECT_EQ(other.get(), 3);
  });
}

TEST(context_var_reset, works_in_any_order) {
  const plait::context_var<int> n("n");
  in_context_of_its_own([&] {
    auto first = n.set(1);
    auto second = n.set(2);
    n.reset(first);
    EXPECT_EQ(n.get_or(0), 0);
    n.reset(second);
    EXPECT_EQ(n.get(), 1);  // what was before that set()
  });
}

TEST(context_var_reset, with_a_token_that_was_used_is_an_error) {
  const plait::context_var<int> n("n");
  in_context_of_its_own([&] {
    auto token = n.set(1);
    n.reset(token);
    EXPECT_EQ(message_of<plait::invalid_state_error>([&] { n.reset(token); }),
              "plait: reset of the context variable \"n\": the token was used before, or moved from; it is good for "
              "one reset");
    n.set(2);
    EXPECT_THROW(n.reset(token), plait::invalid_state_error);
    EXPECT_EQ(n.get(), 2);
  });
}

TEST(context_var_reset, with_another_variables_token_is_an_error) {
  const plait::context_var<int> n("n");
  const plait::context_var<int> other("other");
  in_context_of_its_own([&] {
    auto token = n.set(1);
    EXPECT_THAT(message_of<plait::invalid_state_error>([&] { other.reset(token); }),
                HasSubstr("\"other\": the token comes from another variable's set()"));
    n.reset(token);  // it is good still
  });
}

TEST(context_var_reset, on_another_thread_is_an_error) {
  const plait::context_var<int> n("n");
  in_context_of_its_own([&] {
    auto token = n.set(1);
    std::thread([&] {
      EXPECT_THAT(message_of<plait::invalid_state_error>([&] { n.reset(token); }),
                  HasSubstr("made in another task, call, callback or thread"));
      n.set(2);
      EXPECT_THROW(n.reset(token), plait::invalid_state_error);
    }).join();
    EXPECT_EQ(n.get(), 1);
  });
}

// Whatever comes after it may lie at the same address.
TEST(context_var_reset, where_the_context_is_gone_is_an_error) {
  const plait::context_var<int> n("n");
  std::optional<plait::context_token> token;
  in_context_of_its_own([&] { token = n.set(1); });
  in_context_of_its_own([&] {
    EXPECT_THROW(n.reset(*token), plait::invalid_state_error);
    n.set(2);
    EXPECT_THROW(n.reset(*token), plait::invalid_state_error);
  });
}

TEST(context_var_scoped, lasts_as_long_as_the_guard) {
  const plait::context_var<int> n("n");
  {
    const auto outer = n.scoped(1);
    {
      const auto inner = n.scoped(2);
      EXPECT_EQ(n.get(), 2);
    }
    EXPECT_EQ(n.get(), 1);
  }
  EXPECT_EQ(n.get_or(0), 0);
}

TEST(context_var_scoped, ends_with_an_exception) {
  const plait::context_var<int> n("n");
  try {
    const auto guard = n.scoped(1);
    throw std::runtime_error("left");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(n.get_or(0), 0);
}

TEST(context_var_scoped, does_nothing_where_it_does_not_belong) {
  const plait::context_var<int> n("n");
  using guard = plait::context_var<int>::scoped_value;
  std::unique_ptr<guard> strayed;
  in_context_of_its_own([&] { strayed.reset(new guard(n.scoped(1))); });
  in_context_of_its_own([&] {
    n.set(2);
    strayed.reset();
    EXPECT_EQ(n.get(), 2);
  });
}

// ── threads and lifetimes ──

TEST(context_var, a_thread_has_values_of_its_own) {
  const plait::context_var<int> n("n");
  const auto guard = n.scoped(1);
  std::thread([&] {
    EXPECT_EQ(n.get_or(0), 0);
    n.set(2);
    EXPECT_EQ(n.get(), 2);
  }).join();
  EXPECT_EQ(n.get(), 1);
}

TEST(context_var, a_threads_values_end_with_it) {
  const plait::context_var<witness> kept("kept");
  ledger seen;
  std::thread([&] { kept.set(witness(seen)); }).join();
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_var, a_value_lives_as_long_as_somebody_may_see_it) {
  const plait::context_var<witness> kept("kept");
  ledger seen;
  plait::detail::context_copy copy;
  in_context_of_its_own([&] {
    kept.set(witness(seen));
    copy = plait::detail::copy_context();
  });
  EXPECT_EQ(seen.alive, 1);
  copy.reset();
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_var, many_threads_may_see_one_value) {
  const plait::context_var<std::string> text("text");
  const plait::context_var<witness> kept("kept");
  ledger seen;
  std::vector<std::thread> threads;
  in_context_of_its_own([&] {
    text.set("one for all");
    kept.set(witness(seen));
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, copy = plait::detail::copy_context()]() mutable {
        for (int n = 0; n < 1000; ++n) {
          const plait::detail::context_scope inside(copy);
          ASSERT_EQ(text.get(), "one for all");
          const auto other = text.scoped("mine");
          ASSERT_EQ(text.get(), "mine");
        }
        copy.reset();
      });
  });
  for (auto& each : threads) each.join();
  EXPECT_EQ(seen.alive, 0);
}

/// Looks at its variable while it is destroyed.
struct looks_back {
  looks_back(const plait::context_var<looks_back>& at, std::vector<bool>& log) : at(&at), log(&log) {}
  looks_back(looks_back&& other) noexcept : at(std::exchange(other.at, nullptr)), log(other.log) {}
  ~looks_back();
  const plait::context_var<looks_back>* at;
  std::vector<bool>* log;
};
looks_back::~looks_back() {
  if (!at) return;
  bool set = true;
  try {
    static_cast<void>(at->get());
  } catch (const plait::no_context_value_error&) {
    set = false;
  }
  log->push_back(set);
}

TEST(context_var, a_value_that_is_destroyed_is_seen_no_more) {
  const plait::context_var<looks_back> n("n");
  std::vector<bool> log;
  in_context_of_its_own([&] {
    auto token = n.set(looks_back(n, log));
    n.reset(token);
    EXPECT_EQ(log, std::vector<bool>{false});
    n.set(looks_back(n, log));
  });
  EXPECT_EQ(log, (std::vector<bool>{false, false}));
}

TEST(context_var, a_done_callback_sees_what_its_adder_saw) {
  const plait::context_var<int> n("n");
  plait::promise<int> promise;
  const auto f = promise.get_future();
  int seen = 0;
  {
    const auto guard = n.scoped(1);
    f.add_done_callback([&](const plait::future<int>&) {
      seen = n.get();
      n.set(3);
    });
  }
  const auto guard = n.scoped(2);
  promise.set_value(0);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(n.get(), 2);
}

// Destroyed after the thread's own values, since it was made before them.
struct sets_at_the_end {
  const plait::context_var<int>* variable = nullptr;
  std::optional<int>* seen = nullptr;
  sets_at_the_end() = default;
  sets_at_the_end(const sets_at_the_end&) = delete;
  sets_at_the_end& operator=(const sets_at_the_end&) = delete;
  ~sets_at_the_end() {
    const auto held = variable->scoped(2);
    *seen = variable->get();
  }
};

TEST(context_var, may_be_set_when_the_threads_own_values_have_gone) {
  const plait::context_var<int> number("number");
  std::optional<int> seen;
  std::thread([&] {
    static thread_local sets_at_the_end last;
    last.variable = &number;
    last.seen = &seen;
    static_cast<void>(number.set(1));
  }).join();
  EXPECT_EQ(seen, 2);
}

}  // namespace
