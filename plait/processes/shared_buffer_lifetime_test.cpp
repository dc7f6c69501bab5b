// How long shared buffers live: until the last holder on either side lets go, or dies. Mappings and descriptors are
// counted, here and in the workers.
#include <string>
#include <vector>

#include "process_pool_fixture_test.hpp"
#include "shared_buffer_fixture_test.hpp"

namespace {

using namespace pool_test;

shared_buffer make_there(std::size_t bytes, char with) { return filled(bytes, with); }

shared_buffer& kept() {
  static shared_buffer in_this_worker;
  return in_this_worker;
}
void keep(shared_buffer buffer) { kept() = std::move(buffer); }
shared_buffer give_kept() { return std::exchange(kept(), {}); }

held drop_early(shared_buffer buffer) {
  buffer = {};
  return held_here();
}
char wait_with(shared_buffer buffer, const std::string& gate) {
  pass_gate(gate);
  return static_cast<char>(buffer.bytes()[0]);
}

class shared_buffer_lifetime : public testing::Test {
 protected:
  const held before = held_here();
  process_pool_executor pool{{.max_workers = 1}};

  [[nodiscard]] held more_here() const {
    const auto now = held_here();
    return {now.mappings - before.mappings, now.descriptors - before.descriptors};
  }
  [[nodiscard]] held there() { return pool.submit(held_here).result(); }
  static constexpr held none{0, 0}, one{1, 1};
};

TEST_F(shared_buffer_lifetime, after_the_call_the_worker_has_nothing) {
  const shared_buffer buffer(10'000);
  for (int i = 0; i < 3; ++i) pool.submit(fill_there, buffer, 'a').result();
  EXPECT_EQ(there(), none);
  EXPECT_EQ(more_here(), one);
}

TEST_F(shared_buffer_lifetime, after_a_result_went_out_the_worker_has_nothing) {
  {
    const auto made = pool.submit(make_there, std::size_t{10'000}, 'a').result();
    EXPECT_EQ(there(), none);
    EXPECT_EQ(more_here(), one);
  }
  EXPECT_EQ(more_here(), none);
}

TEST_F(shared_buffer_lifetime, a_result_that_nobody_takes_is_dropped) {
  for (int i = 0; i < 10; ++i) static_cast<void>(pool.submit(make_there, std::size_t{10'000}, 'a'));
  EXPECT_EQ(there(), none);  // behind them, in the same worker
  EXPECT_EQ(more_here(), none);
}

TEST_F(shared_buffer_lifetime, a_call_that_is_done_holds_its_arguments_no_longer) {
  auto call = pool.submit(fill_there, shared_buffer(10'000), 'a');
  call.result();
  EXPECT_EQ(there(), none);  // completed behind it
  EXPECT_EQ(more_here(), none);
}

TEST_F(shared_buffer_lifetime, dropped_early_in_the_call_it_is_gone_there) {
  EXPECT_EQ(pool.submit(drop_early, shared_buffer(10'000)).result(), none);
}

TEST_F(shared_buffer_lifetime, dropped_early_here_it_lives_in_the_call) {
  const portable_gate gate;
  auto call = pool.submit(wait_with, filled(10'000, 'e'), gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_EQ(call.result(), 'e');
}

TEST_F(shared_buffer_lifetime, the_worker_keeps_what_the_program_has_let_go) {
  pool.submit(keep, filled(10'000, 'k')).result();
  EXPECT_EQ(there(), one);
  EXPECT_EQ(more_here(), none);
  {
    const auto back = pool.submit(give_kept).result();
    EXPECT_TRUE(is_full_of(back, 'k'));
    EXPECT_EQ(there(), none);
  }
  EXPECT_EQ(more_here(), none);
}

TEST_F(shared_buffer_lifetime, the_program_keeps_what_a_dead_worker_had) {
  const auto made = pool.submit(make_there, std::size_t{10'000}, 'd').result();
  pool.submit(keep, made).result();
  death_of(pool.submit(die_by, SIGKILL));
  EXPECT_TRUE(is_full_of(made, 'd'));
  pool.submit(fill_there, made, 'D').result();
  EXPECT_TRUE(is_full_of(made, 'D'));
  EXPECT_EQ(there(), none);
  EXPECT_EQ(more_here(), one);
}

TEST_F(shared_buffer_lifetime, the_worker_dies_with_it_in_hand) {
  const portable_gate gate;
  for (int i = 0; i < 5; ++i) {
    const auto pid = pool.submit(own_pid).result();
    auto call = pool.submit(wait_with, shared_buffer(10'000), gate.path());
    gate.wait_for(1);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    death_of(call);
    EXPECT_EQ(there(), none);
    EXPECT_EQ(more_here(), none);
  }
}

TEST_F(shared_buffer_lifetime, calls_that_wait_hold_theirs_and_run_after_a_death) {
  const portable_gate gate;
  const auto pid = pool.submit(own_pid).result();
  auto runs = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  std::vector<plait::future<char>> waiting;
  for (char letter = 'a'; letter < 'f'; ++letter)
    waiting.push_back(
        pool.submit([](shared_buffer given) { return static_cast<char>(given.bytes()[0]); }, filled(10'000, letter)));
  EXPECT_EQ(more_here(), (held{5, 5}));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  death_of(runs);
  char expected = 'a';
  for (auto& call : waiting) EXPECT_EQ(call.result(), expected++);
  EXPECT_EQ(there(), none);
  EXPECT_EQ(more_here(), none);
}

char count_deaths(shared_buffer buffer, const std::string& traces) {
  auto& first = buffer.bytes()[0];
  first = static_cast<std::byte>(std::to_integer<int>(first) + 1);
  dies_at_first(traces, 2);
  return static_cast<char>(first);
}
TEST_F(shared_buffer_lifetime, a_call_that_is_tried_again_has_it_again) {
  const portable_gate traces;
  const auto buffer = filled(10'000, 'a');
  auto call =
      pool.submit({.retries = 2, .retry_on = plait::retry_on<worker_died>}, count_deaths, buffer, traces.path());
  EXPECT_EQ(call.result(), 'd');  // what the attempts before had written is there
  EXPECT_EQ(buffer.bytes()[0], static_cast<std::byte>('d'));
  EXPECT_EQ(there(), none);
  EXPECT_EQ(more_here(), one);
}

TEST_F(shared_buffer_lifetime, a_call_that_is_cancelled_while_it_waits_lets_go) {
  const portable_gate gate;
  auto runs = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  auto waits = pool.submit(fill_there, shared_buffer(10'000), 'a');
  EXPECT_EQ(waits.cancel(), plait::cancel_outcome::dropped);
  EXPECT_EQ(more_here(), none);
  gate.let_through(1);
  runs.result();
  EXPECT_EQ(there(), none);
}

void pass(const std::string& gate) { pass_gate(gate); }
TEST_F(shared_buffer_lifetime, a_call_that_is_cancelled_on_its_way_lets_go) {
  const portable_gate gate;
  process_pool_executor slow({.max_workers = 1, .initializer = {pass, gate.path()}});
  auto sent = slow.submit(fill_there, shared_buffer(10'000), 'a');  // it stands in the ring, behind the initializer
  gate.wait_for(1);
  EXPECT_EQ(sent.cancel(), plait::cancel_outcome::dropped);
  gate.let_through(1);
  EXPECT_EQ(slow.submit(held_here).result(), none);
  EXPECT_EQ(more_here(), none);
  const auto buffer = filled(10'000, 'a');
  slow.submit(fill_there, buffer, 'b').result();  // and its descriptors are not taken for the next one's
  EXPECT_TRUE(is_full_of(buffer, 'b'));
}

TEST_F(shared_buffer_lifetime, the_pool_goes_with_calls_that_wait) {
  const portable_gate gate;
  {
    process_pool_executor gone({.max_workers = 1});
    static_cast<void>(gone.submit(wait_with, shared_buffer(10'000), gate.path()));
    gate.wait_for(1);
    for (int i = 0; i < 5; ++i) static_cast<void>(gone.submit(fill_there, shared_buffer(10'000), 'a'));
    gone.shutdown(plait::shutdown_mode::kill);
  }
  EXPECT_EQ(more_here(), none);
}

// Descriptors of all kinds, not of buffers only: of deaths none is left over.
TEST_F(shared_buffer_lifetime, nothing_is_left_of_many_deaths) {
  const shared_buffer buffer(100'000);
  const auto die_with = [](shared_buffer mine, int at) {
    const auto made = filled(10'000, 'x');
    if (at % 3 == 0) die_by(SIGKILL);
    if (at % 3 == 1) throw std::runtime_error("no");
    return std::vector{mine, made};
  };
  started_pids(pool);
  const auto descriptors = open_descriptors();
  for (int at = 0; at < 30; ++at) static_cast<void>(pool.submit(die_with, buffer, at).exception());
  started_pids(pool);
  EXPECT_EQ(there(), none);
  EXPECT_EQ(more_here(), one);
  EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
