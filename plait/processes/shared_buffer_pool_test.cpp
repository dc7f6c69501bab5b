// Shared buffers in calls of worker processes: the same memory on both sides, wherever in the call they stand.
#include <plait/portable/portable_context_var.hpp>
#include <plait/portable/portable_exception.hpp>

#include <atomic>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "process_pool_fixture_test.hpp"
#include "shared_buffer_fixture_test.hpp"

namespace {

using namespace pool_test;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;

class shared_buffer_pool : public testing::Test {
 protected:
  process_pool_executor pool{{.max_workers = 1}};
};

// ── in, out, in and out ──

TEST_F(shared_buffer_pool, what_the_call_writes_is_seen_after_it) {
  const auto buffer = filled(1'000'000, 'a');
  EXPECT_TRUE(pool.submit(is_full_of, buffer, 'a').result());
  pool.submit(fill_there, buffer, 'b').result();
  EXPECT_TRUE(is_full_of(buffer, 'b'));
}

TEST_F(shared_buffer_pool, it_is_the_same_file_there_and_so_no_copy) {
  const auto buffer = filled(1'000'000, 'a');
  EXPECT_EQ(pool.submit(inode_of, buffer).result(), inode_of(buffer));
}

std::pair<shared_buffer, std::uint64_t> made_there(std::size_t bytes, char with) {
  const auto made = filled(bytes, with);
  return {made, inode_of(made)};
}

TEST_F(shared_buffer_pool, what_the_call_makes_comes_out) {
  const auto [buffer, inode] = pool.submit(made_there, std::size_t{1'000'001}, 'x').result();
  EXPECT_EQ(buffer.size(), 1'000'001U);
  EXPECT_TRUE(is_full_of(buffer, 'x'));
  EXPECT_EQ(inode_of(buffer), inode);
  fill(buffer, 'y');  // it is ours as well as any
  EXPECT_TRUE(pool.submit(is_full_of, buffer, 'y').result());
}

shared_buffer give_back(shared_buffer buffer) {
  fill(buffer, 'z');
  return buffer;
}

TEST_F(shared_buffer_pool, in_and_out_again_is_the_same_buffer) {
  const shared_buffer buffer(50'000);
  const auto before = held_here();
  const auto back = pool.submit(give_back, buffer).result();
  EXPECT_EQ(back, buffer);
  EXPECT_EQ(back.data(), buffer.data());
  EXPECT_TRUE(is_full_of(buffer, 'z'));
  EXPECT_EQ(held_here(), before);  // no second mapping
}

std::vector<shared_buffer> add_one(std::vector<shared_buffer> buffers) {
  buffers.push_back(filled(9'000, 'n'));
  std::swap(buffers.front(), buffers.back());
  return buffers;
}

TEST_F(shared_buffer_pool, old_and_new_ones_come_out_of_one_call) {
  const std::vector buffers{filled(100, '0'), filled(200, '1')};
  const auto back = pool.submit(add_one, buffers).result();
  ASSERT_EQ(back.size(), 3U);
  EXPECT_TRUE(is_full_of(back[0], 'n'));
  EXPECT_EQ(back[0].size(), 9'000U);
  EXPECT_EQ(back[1], buffers[1]);
  EXPECT_EQ(back[2], buffers[0]);
}

bool are_same(shared_buffer a, shared_buffer b) { return a == b && a.data() == b.data(); }
TEST_F(shared_buffer_pool, the_same_twice_is_the_same_twice_there) {
  const shared_buffer one(100), other(100);
  EXPECT_TRUE(pool.submit(are_same, one, one).result());
  EXPECT_FALSE(pool.submit(are_same, one, other).result());
}

std::size_t size_there(shared_buffer buffer) { return buffer.size(); }
shared_buffer empty_there() { return {}; }
TEST_F(shared_buffer_pool, empty_ones_travel) {
  EXPECT_EQ(pool.submit(size_there, shared_buffer()).result(), 0U);
  EXPECT_TRUE(pool.submit(empty_there).result().empty());
  EXPECT_EQ(pool.submit(size_there, shared_buffer(1)).result(), 1U);
  EXPECT_EQ(pool.submit(size_there, shared_buffer(4096)).result(), 4096U);
  EXPECT_EQ(pool.submit(size_there, shared_buffer(4097)).result(), 4097U);
}

// Writes while the other side runs: plait orders nothing, std::atomic_ref does.
void answer(shared_array<int> words, const std::string& gate) {
  std::atomic_ref<int>(words[0]).store(1, std::memory_order_release);
  pass_gate(gate);
  words[2] = std::atomic_ref<int>(words[1]).load(std::memory_order_acquire);
}
TEST_F(shared_buffer_pool, both_sides_see_it_while_the_call_runs) {
  const portable_gate gate;
  const shared_array<int> words(3);
  const auto call = pool.submit(answer, words, gate.path());
  gate.wait_for(1);
  EXPECT_EQ(std::atomic_ref<int>(words[0]).load(std::memory_order_acquire), 1);
  std::atomic_ref<int>(words[1]).store(42, std::memory_order_release);
  gate.let_through(1);
  call.result();
  EXPECT_EQ(words[2], 42);
}

// ── anywhere in it ──

struct image {
  int width = 0, height = 0;
  shared_array<unsigned char> pixels;
};
struct album {
  std::string name;
  std::map<std::string, image> images;
  std::optional<shared_buffer> index;
};
struct sealed_box {  // a class of its user's own
  template <class Archive> void serialize(Archive& archive) { archive(inside); }
  shared_buffer inside;
};

int brighten(album photos, std::vector<sealed_box> boxes) {
  for (auto& [name, photo] : photos.images)
    for (auto& pixel : photo.pixels) ++pixel;
  fill(*photos.index, 'i');
  for (auto& box : boxes) fill(box.inside, 'b');
  return static_cast<int>(photos.images.size());
}

TEST_F(shared_buffer_pool, in_containers_aggregates_and_classes) {
  album photos{"sea",
               {{"a", {2, 3, shared_array<unsigned char>(6)}}, {"b", {1, 1, shared_array<unsigned char>(1)}}},
               shared_buffer(10)};
  std::vector<sealed_box> boxes{{shared_buffer(5)}, {shared_buffer(6)}};
  EXPECT_EQ(pool.submit(brighten, photos, boxes).result(), 2);
  EXPECT_THAT(photos.images["a"].pixels, Each(1));
  EXPECT_THAT(photos.images["b"].pixels, Each(1));
  EXPECT_TRUE(is_full_of(*photos.index, 'i'));
  EXPECT_TRUE(is_full_of(boxes[1].inside, 'b'));
}

void scale(std::span<double> values) {
  for (auto& value : values) value *= 2;
}
TEST_F(shared_buffer_pool, an_array_is_a_span_to_a_function_that_takes_one) {
  const shared_array<double> values(1000);
  std::iota(values.begin(), values.end(), 0.0);
  pool.submit(scale, values).result();
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(values[i], 2.0 * static_cast<double>(i));
}

TEST_F(shared_buffer_pool, beside_what_is_large_by_value) {
  const auto check = [](std::vector<char> large, shared_buffer buffer) {
    fill(buffer, large.back());
    return std::pair(std::move(large), buffer);
  };
  const shared_buffer buffer(70'000);
  const auto back = pool.submit(check, std::vector<char>(500'000, 'l'), buffer).result();
  EXPECT_EQ(back.first.size(), 500'000U);
  EXPECT_EQ(back.second, buffer);
  EXPECT_TRUE(is_full_of(buffer, 'l'));
}

shared_buffer next_letter(shared_buffer buffer) {
  fill(buffer, static_cast<char>(std::to_integer<int>(buffer.bytes()[0]) + 1));
  return buffer;
}
TEST_F(shared_buffer_pool, through_map_in_chunks) {
  std::vector<shared_buffer> buffers;
  for (char letter = 'a'; letter < 'k'; ++letter) buffers.push_back(filled(5'000, letter));
  std::size_t at = 0;
  for (const auto& back : pool.map({.chunk_size = 4}, next_letter, buffers)) {
    EXPECT_EQ(back, buffers[at]);
    EXPECT_TRUE(is_full_of(back, static_cast<char>('b' + at++)));
  }
  EXPECT_EQ(at, 10U);
}

TEST_F(shared_buffer_pool, through_an_executor_of_any_kind) {
  plait::executor& any = pool;
  const shared_buffer buffer(100);
  EXPECT_EQ(any.submit(give_back, buffer).result(), buffer);
}

struct half_done {
  int step = 0;
  shared_buffer so_far;
};
PLAIT_PORTABLE_EXCEPTION(half_done);
void stops_half_way(shared_buffer buffer) {
  fill(buffer, 'h');
  throw half_done{3, buffer};
}
TEST_F(shared_buffer_pool, in_an_exception) {
  const shared_buffer buffer(100);
  try {
    pool.submit(stops_half_way, buffer).result();
    ADD_FAILURE();
  } catch (const half_done& thrown) {
    EXPECT_EQ(thrown.step, 3);
    EXPECT_EQ(thrown.so_far, buffer);
    EXPECT_TRUE(is_full_of(buffer, 'h'));
  }
}

const plait::portable_context_var<shared_buffer> scratch("shared_buffer_pool_test.scratch");
void fill_scratch(char with) { fill(scratch.get(), with); }
TEST_F(shared_buffer_pool, in_a_context_variable) {
  const shared_buffer buffer(100);
  const auto guard = scratch.scoped(buffer);
  pool.submit(fill_scratch, 's').result();
  EXPECT_TRUE(is_full_of(buffer, 's'));
}

shared_buffer& model() {
  static shared_buffer loaded;
  return loaded;
}
void load_model(shared_buffer buffer) { model() = std::move(buffer); }
bool model_is(char letter) { return is_full_of(model(), letter); }
TEST(shared_buffer_initializer, each_worker_is_given_it) {
  const auto buffer = filled(100'000, 'm');
  process_pool_executor workers({.max_workers = 2, .initializer = {load_model, buffer}});
  started_pids(workers);
  EXPECT_TRUE(workers.submit(model_is, 'm').result());
  fill(buffer, 'M');
  EXPECT_TRUE(workers.submit(model_is, 'M').result());
  death_of(workers.submit(die_by, SIGKILL));
  started_pids(workers);
  EXPECT_TRUE(workers.submit(model_is, 'M').result());
}

shared_buffer one_deeper(shared_buffer buffer) {
  process_pool_executor inner({.max_workers = 1});
  inner.submit(fill_there, buffer, 'd').result();
  return inner.submit(give_back, buffer).result();
}
TEST_F(shared_buffer_pool, through_a_pool_in_a_pool) {
  const shared_buffer buffer(100);
  EXPECT_EQ(pool.submit(one_deeper, buffer).result(), buffer);
  EXPECT_TRUE(is_full_of(buffer, 'z'));
}

// ── many, and large ──

std::vector<shared_buffer> add_a_hundred(std::vector<shared_buffer> buffers, std::size_t more) {
  for (const auto& each : buffers) fill(each, 'o');
  for (std::size_t i = 0; i < more; ++i) buffers.push_back(filled(i + 1, 'n'));
  return buffers;
}
TEST_F(shared_buffer_pool, hundreds_in_one_call) {
  std::vector<shared_buffer> buffers;
  for (std::size_t i = 0; i < 300; ++i) buffers.emplace_back(i + 1);
  const auto back = pool.submit(add_a_hundred, buffers, std::size_t{100}).result();
  ASSERT_EQ(back.size(), 400U);
  for (std::size_t i = 0; i < 300; ++i) ASSERT_EQ(back[i], buffers[i]);
  for (std::size_t i = 0; i < 300; ++i) ASSERT_TRUE(is_full_of(back[i], 'o')) << i;
  for (std::size_t i = 300; i < 400; ++i) ASSERT_EQ(back[i].size(), i - 299);
  for (std::size_t i = 300; i < 400; ++i) ASSERT_TRUE(is_full_of(back[i], 'n')) << i;
}

TEST_F(shared_buffer_pool, a_gibibyte) {
  const auto size = std::size_t{1} << (sanitized ? 26 : 30);
  const shared_buffer buffer(size);
  const auto ends = [](shared_buffer given) {
    given.bytes().front() = std::byte{1};
    given.bytes().back() = std::byte{2};
    return given;
  };
  EXPECT_EQ(pool.submit(ends, buffer).result(), buffer);
  EXPECT_EQ(buffer.bytes().front(), std::byte{1});
  EXPECT_EQ(buffer.bytes()[size - 1], std::byte{2});
}

}  // namespace
