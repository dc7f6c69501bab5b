#include "benchmarks/driver/plan.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace bench {
namespace {

const subject& subject_named(const std::vector<subject>& subjects, const std::string& name, worker_kind workers) {
  const auto it = std::ranges::find_if(subjects, [&](auto& s) { return s.name == name && s.workers == workers; });
  if (it == subjects.end()) throw std::out_of_range(name);
  return *it;
}

TEST(plan, asks_no_question_twice) {
  std::set<std::string> texts;
  for (const auto& e : all_experiments("")) {
    for (const auto& q : e.questions) EXPECT_TRUE(texts.insert(q.text).second) << q.text;
  }
}

TEST(plan, plait_and_the_limit_perform_every_act) {
  const auto subjects = all_subjects("/programs");
  for (const auto& e : all_experiments("")) {
    EXPECT_TRUE(subject_named(subjects, "plait", e.workers).performs(e)) << e.act;
    EXPECT_TRUE(subject_named(subjects, "limit", e.workers).performs(e)) << e.act;
  }
}

TEST(plan, a_subject_performs_what_it_can_on_its_kind_of_workers) {
  const auto subjects = all_subjects("/programs");
  const auto& libuv = subject_named(subjects, "libuv", worker_kind::threads);
  EXPECT_TRUE(libuv.performs({.act = "lat"}));
  EXPECT_FALSE(libuv.performs({.act = "mem_sleep"}));
  EXPECT_FALSE(libuv.performs({.act = "lat", .workers = worker_kind::processes}));
}

TEST(plan, no_count_is_divided_to_nothing) {
  for (const auto& e : all_experiments("")) {
    for (const auto speed : {pace::native, pace::asio, pace::python}) {
      for (const auto& word : e.arguments(speed, 4)) EXPECT_NE(word, "0") << e.questions.front().text;
    }
  }
}

TEST(plan, the_divisor_leaves_alone_what_does_not_scale) {
  experiment e{.act = "naps",
               .before = {3},
               .native_count = 6,
               .asio_count = 6,
               .python_count = 6,
               .after = {100},
               .scales = false,
               .questions = {}};
  EXPECT_EQ(e.arguments(pace::native, 4), (std::vector<std::string>{"naps", "3", "6", "100"}));
  e.scales = true;
  EXPECT_EQ(e.arguments(pace::native, 2), (std::vector<std::string>{"naps", "3", "3", "100"}));
}

TEST(plan, gives_the_questions_that_contain_a_text) {
  const auto some = all_experiments("process offload latency, one core");
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some.front().act, "lat");
  EXPECT_EQ(some.front().workers, worker_kind::processes);
  EXPECT_TRUE(all_experiments("no such words").empty());
}

}  // namespace
}  // namespace bench
