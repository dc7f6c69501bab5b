#include "benchmarks/driver/plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

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

TEST(plan, a_series_has_one_axis_and_asks_once_for_each_n) {
  std::map<std::string, std::string> axes;
  std::set<std::pair<std::string, double>> places;
  for (const auto& e : all_experiments("")) {
    for (const auto& q : e.questions) {
      if (q.series.empty()) continue;
      EXPECT_EQ(axes.emplace(q.series, q.axis).first->second, q.axis) << q.text;
      EXPECT_FALSE(q.axis.empty()) << q.text;
      EXPECT_GT(q.at, 0) << q.text;
      EXPECT_TRUE(places.emplace(q.series, q.at).second) << q.text;
    }
  }
}

bool any_performs(const std::vector<subject>& subjects, const std::string& name, const experiment& e) {
  return std::ranges::any_of(subjects, [&](auto& s) { return s.name == name && s.performs(e); });
}

TEST(plan, plait_performs_every_act) {
  const auto subjects = all_subjects("/programs");
  for (const auto& e : all_experiments("")) EXPECT_TRUE(any_performs(subjects, "plait", e)) << e.act;
}

TEST(plan, there_is_a_limit_or_a_peer_beside_plait) {
  const auto subjects = all_subjects("/programs");
  for (const auto& e : all_experiments("")) {
    const auto beside = std::ranges::count_if(subjects, [&](auto& s) { return s.name != "plait" && s.performs(e); });
    // More futures than Python waits for in a few seconds.
    if (e.questions.front().at < 1'000'000) {
      EXPECT_GT(beside, 0) << e.questions.front().text;
    }
  }
}

// Tasks hand over, cancel timers and wait for futures on plait alone and on libraries that have the like; several
// loops share a pool there alone, and only there a pool is full.
TEST(plan, the_limit_performs_what_it_has_the_machinery_for) {
  const std::set<std::string> without{"loops", "full", "timers_cancel", "lock",
                                      "queue", "wait", "gather",        "as_completed"};
  const auto subjects = all_subjects("/programs");
  for (const auto& e : all_experiments("")) {
    EXPECT_EQ(any_performs(subjects, "limit", e), !without.contains(e.act)) << e.questions.front().text;
  }
}

TEST(plan, a_goal_as_a_multiple_of_the_limit_has_a_limit) {
  const auto subjects = all_subjects("/programs");
  for (const auto& e : all_experiments("")) {
    for (const auto& q : e.questions) {
      if (q.times_limit) {
        EXPECT_TRUE(any_performs(subjects, "limit", e)) << q.text;
      }
    }
  }
}

TEST(plan, a_subject_performs_what_it_can_on_its_kind_of_workers) {
  const auto subjects = all_subjects("/programs");
  const auto& libuv = subject_named(subjects, "libuv", worker_kind::threads);
  EXPECT_TRUE(libuv.performs({.act = "lat"}));
  EXPECT_FALSE(libuv.performs({.act = "mem_sleep"}));
  EXPECT_FALSE(libuv.performs({.act = "lat", .workers = worker_kind::processes}));
}

TEST(plan, a_subject_leaves_out_what_would_take_it_too_long) {
  const auto subjects = all_subjects("/programs");
  experiment e{.act = "thr", .before = {}, .native_count = 10, .python_count = 0, .after = {}, .questions = {}};
  EXPECT_TRUE(subject_named(subjects, "plait", worker_kind::threads).performs(e));
  EXPECT_FALSE(subject_named(subjects, "python", worker_kind::threads).performs(e));
}

TEST(plan, a_subject_leaves_out_questions_that_would_take_it_too_long) {
  auto subjects = all_subjects("/programs");
  const auto asks = [](const char* text) {
    return experiment{.act = "payload",
                      .workers = worker_kind::processes,
                      .before = {},
                      .after = {},
                      .questions = {{text, "payload.later"}}};
  };
  const auto& openmpi = subject_named(subjects, "openmpi", worker_kind::processes);
  EXPECT_TRUE(openmpi.performs(asks("vector of 64 MiB")));
  EXPECT_FALSE(openmpi.performs(asks("vector of 1 GiB")));
  EXPECT_TRUE(subject_named(subjects, "plait", worker_kind::processes).performs(asks("vector of 1 GiB")));
}

// A misspelt act would leave its questions out in silence.
TEST(plan, asks_of_a_subject_no_act_that_nobody_asks_for) {
  std::set<std::pair<worker_kind, std::string>> asked;
  for (const auto& e : all_experiments("")) asked.emplace(e.workers, e.act);
  for (const auto& s : all_subjects("/programs")) {
    for (const auto& act : s.acts) EXPECT_TRUE(asked.contains({s.workers, act})) << s.name << ' ' << act;
  }
}

TEST(plan, no_two_subjects_of_a_kind_have_one_name) {
  std::set<std::pair<worker_kind, std::string>> names;
  for (const auto& s : all_subjects("/programs")) EXPECT_TRUE(names.emplace(s.workers, s.name).second) << s.name;
}

// Where many streams share the calls, each makes one at least, with --quick too.
TEST(plan, no_count_is_divided_to_nothing) {
  constexpr unsigned divisor_of_quick = 8;
  for (const auto& e : all_experiments("")) {
    const bool has_streams = e.act == "thr" || e.act == "eff" || e.act == "late" || e.act == "loops";
    for (const auto speed : {pace::native, pace::asio, pace::python}) {
      if (e.count(speed) == 0) continue;
      const auto words = e.arguments(speed, divisor_of_quick);
      for (const auto& word : words) EXPECT_NE(word, "0") << e.questions.front().text;
      if (has_streams) {
        EXPECT_GE(std::stoul(words.at(2)), e.after.front()) << e.questions.front().text;
      }
    }
  }
}

TEST(plan, what_takes_long_is_in_one_of_three_rounds_and_some_of_it_not_in_quick_ones) {
  experiment e{.act = "thr", .before = {}, .after = {}, .how_often = frequency::every_round, .questions = {}};
  const auto rounds = [&](bool quick) {
    return std::vector{e.is_in_round(0, quick), e.is_in_round(1, quick), e.is_in_round(2, quick),
                       e.is_in_round(3, quick)};
  };
  EXPECT_EQ(rounds(true), (std::vector{true, true, true, true}));
  e.how_often = frequency::few;
  EXPECT_EQ(rounds(true), (std::vector{true, false, false, true}));
  EXPECT_EQ(rounds(false), (std::vector{true, false, false, true}));
  e.how_often = frequency::full_only;
  EXPECT_EQ(rounds(true), (std::vector{false, false, false, false}));
  EXPECT_EQ(rounds(false), (std::vector{true, false, false, true}));
}

TEST(plan, asks_further_peers_in_one_of_six_rounds) {
  experiment e{.act = "thr", .before = {}, .after = {}, .how_often = frequency::every_round, .questions = {}};
  subject s{
      .name = "go", .program = "/bin/true", .interpreter = {}, .options = {}, .needs = "golang-go", .further = true};
  const auto rounds = [&] {
    std::vector<int> asked;
    for (int round = 0; round < 19; ++round)
      if (s.is_asked(e, round, false)) asked.push_back(round);
    return asked;
  };
  EXPECT_EQ(rounds(), (std::vector{0, 6, 12, 18}));
  EXPECT_TRUE(s.is_asked(e, 0, true));
  e.how_often = frequency::few;
  EXPECT_EQ(rounds(), (std::vector{0, 18}));
  EXPECT_FALSE(s.is_asked(e, 0, true));
  s.further = false;
  EXPECT_TRUE(s.is_asked(e, 0, true));
  EXPECT_EQ(rounds(), (std::vector{0, 3, 6, 9, 12, 15, 18}));
  s.acts = {"lat"};
  EXPECT_EQ(rounds(), std::vector<int>());
  s.acts = {};
  e.how_often = frequency::full_only;
  EXPECT_FALSE(s.is_asked(e, 0, true));
}

TEST(plan, counts_the_questions_that_quick_leaves_out) {
  const auto some = all_experiments("process offload latency, one core");
  EXPECT_EQ(left_out_by_quick(some), 0U);
  const auto growing = all_experiments("one of 1000000 timers");
  EXPECT_EQ(left_out_by_quick(growing), 3U);
}

TEST(plan, names_sizes) {
  EXPECT_EQ(bytes_text(8), "8 B");
  EXPECT_EQ(bytes_text(1u << 16), "64 KiB");
  EXPECT_EQ(bytes_text(1u << 30), "1 GiB");
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
