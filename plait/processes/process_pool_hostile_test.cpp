// A worker of a pool writes into its ring what no worker writes: that call is told so, the program lives, the pool
// goes on. link_hostile_test.cpp has all that can be forged; here the whole pool stands behind the link.
#include <plait/processes/internal/wire.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "process_pool_fixture_test.hpp"
#include "process_pool_own_link_test.hpp"
#include "sandbox_fixture_test.hpp"

namespace {

using namespace pool_test;
using plait::detail::block_name;
using plait::detail::reply_header;
using plait::detail::reply_kind;
using testing::AllOf;
using testing::HasSubstr;

// ── in the worker ──

struct channel {
  plait::detail::link_memory* memory = nullptr;
  std::vector<int> bells;
};
channel own_channel;

/// The initializer, which may read /proc where calls may not.
void find_channel() {
  own_channel.memory = &own_link();
  for (int number = 0; number < 1024; ++number) {
    std::error_code ignored;
    const auto what = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(number), ignored);
    if (what == "anon_inode:[eventfd]") own_channel.bells.push_back(number);
  }
}

/// The bytes that replies are packed by: what was answered last is no longer, so its header lies that far back.
constexpr std::uint64_t step = plait::detail::reply_alignment;

/// A reply as it would be right for the call that runs, and what is wrong with it.
struct forged {
  reply_header header;
  block_name payload{};
  std::uint64_t published;  // behind it
};
struct forgery {
  const char* name;
  void (*spoil)(forged& reply);
  const char* says;
  friend void PrintTo(const forgery& f, std::ostream* out) { *out << f.name; }
};
const forgery forgeries[] = {
    {"of_another_call", [](forged& f) { ++f.header.sequence; }, "the number"},
    {"of_a_call_that_was_answered", [](forged& f) { --f.header.sequence; }, "the number"},
    {"of_no_kind", [](forged& f) { f.header.kind = static_cast<reply_kind>(77); }, "the kind 77"},
    {"longer_than_it_is", [](forged& f) { f.header.size = 16'000; }, "the size 16032"},
    {"longer_than_any", [](forged& f) { f.header.size = ~0U; }, "the size 4294967295"},
    {"in_a_place_that_is_none", [](forged& f) { f.header.in_block = 2; }, "the place 2"},
    {"in_a_block_that_is_none",
     [](forged& f) {
       f.header.in_block = 1;
       f.header.size = sizeof f.payload;
       f.payload = {4711, std::uint64_t{1} << 40};
       f.published += step;
     },
     "named the block 4711"},
    {"with_buffers_that_it_has_not_sent", [](forged& f) { f.header.lent = 1; }, "that it has not sent"},
    {"with_very_many_buffers", [](forged& f) { f.header.lent = 255; },
     "shared buffers in messages of which there are 255"},
    {"that_fills_the_ring", [](forged& f) { f.header.kind = reply_kind::filler; }, "a filler of"},
    {"beyond_the_ring", [](forged& f) { f.published += 2 * plait::detail::reply_ring_bytes; },
     "been published up to"},
    {"far_beyond_the_ring", [](forged& f) { f.published = ~std::uint64_t{31}; }, "been published up to"},
    {"between_two_places", [](forged& f) { ++f.published; }, "been published up to"},
    {"that_takes_one_back", [](forged& f) { f.published -= 2 * step; }, "been published up to"},
};

constexpr int nothing_is_wrong = -1;  // but that it is no int

/// Answers by itself, rings, and never gives its worker the word again.
int forge(int which) {
  auto& memory = *own_channel.memory;
  const auto at = memory.replies_published.load();
  reply_header last;
  std::memcpy(&last, memory.replies + at - step, sizeof last);
  forged reply{.header = {.size = 8, .kind = reply_kind::value, .sequence = last.sequence + 1},
               .published = at + step};
  if (which != nothing_is_wrong) forgeries[which].spoil(reply);
  std::memcpy(memory.replies + at, &reply.header, sizeof reply.header);
  std::memcpy(memory.replies + at + sizeof reply.header, &reply.payload, sizeof reply.payload);
  memory.replies_published.store(reply.published);
  const std::uint64_t one = 1;
  for (const int bell : own_channel.bells) static_cast<void>(!::write(bell, &one, sizeof one));
  while (true) ::pause();
}

// ── in the program ──

class process_pool_forgery : public testing::TestWithParam<forgery> {};
INSTANTIATE_TEST_SUITE_P(by_a_reply, process_pool_forgery, testing::ValuesIn(forgeries),
                         [](const auto& info) { return std::string(info.param.name); });

int number_of(const std::string& name) {
  int number = 0;
  while (forgeries[number].name != name) ++number;
  return number;
}

void expect_protocol_error(process_pool_executor& pool, const forgery& by) {
  const auto pid = pool.submit(own_pid).result();  // its answer lies before the forged one
  const auto death = death_of(pool.submit({.name = "forge"}, forge, number_of(by.name)));
  EXPECT_EQ(death.pid(), pid);
  EXPECT_EQ(death.signal(), SIGKILL);
  EXPECT_EQ(death.call(), "forge");
  EXPECT_THAT(death.cause(), AllOf(HasSubstr("it broke the protocol, and was killed"), HasSubstr(by.says)));
  EXPECT_THAT(death.what(), HasSubstr(death.cause()));
  expect_next_hundred(pool);
}

TEST_P(process_pool_forgery, is_that_calls_death_alone) {
  process_pool_executor pool({.max_workers = 1, .initializer = find_channel});
  expect_protocol_error(pool, GetParam());
}

TEST(process_pool_forgeries, of_a_value_of_another_size_is_an_error_of_its_call) {
  process_pool_executor pool({.max_workers = 1, .initializer = find_channel});
  pool.submit(own_pid).result();
  const auto forged = pool.submit(forge, nothing_is_wrong);
  EXPECT_THAT(test_support::message_of<plait::decode_error>([&] { forged.result(); }),
              HasSubstr("bytes are left behind a result"));
  pool.shutdown(plait::shutdown_mode::kill);
}

TEST(process_pool_forgeries, leave_calls_alone_that_wait_or_run_elsewhere) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .initializer = find_channel});
  started_pids(pool);
  const auto runs = pool.submit(wait_at, gate.path(), 7);
  gate.wait_for(1);
  std::vector<plait::future<int>> forged, waiting;
  for (int i = 0; i < 10; ++i) {
    pool.submit(own_pid).result();
    forged.push_back(pool.submit(forge, number_of("of_another_call")));
    for (int k = 0; k < 10; ++k) waiting.push_back(pool.submit(square, k));
  }
  for (const auto& call : forged) EXPECT_THAT(death_of(call).cause(), HasSubstr("it broke the protocol"));
  for (std::size_t k = 0; k < waiting.size(); ++k) EXPECT_EQ(waiting[k].result(), square(static_cast<int>(k % 10)));
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 7);
}

using sandboxed_forgeries = sandbox_test;

// The sandbox forbids none of it: memory and bells are what a worker needs.
TEST_F(sandboxed_forgeries, are_their_calls_deaths) {
  process_pool_executor pool({.max_workers = 1, .initializer = find_channel, .sandbox = plait::sandbox::compute});
  for (const auto& each : forgeries) expect_protocol_error(pool, each);
}

}  // namespace
