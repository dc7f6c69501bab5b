// What travels to a worker process and back, and what goes wrong on the way: each failure is one call's.
#include <plait/core/outcome.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/fn.hpp>
#include <plait/portable/portable_exception.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <cmath>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/portable_gate.hpp>
#include <unistd.h>

namespace travellers {

/// A user's own exception, registered in one line.
class no_such_key : public std::runtime_error {
 public:
  explicit no_such_key(const std::string& what) : std::runtime_error(what) {}
};
/// One that is not.
class stranger : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};

}  // namespace travellers
PLAIT_PORTABLE_EXCEPTION(travellers::no_such_key);

namespace {

using plait::process_pool_executor;
using plait::worker_died;
using test_support::message_of;
using testing::ElementsAre;
using testing::HasSubstr;

int times_itself(int n) { return n * n; }
int square_quietly(int n) noexcept { return n * n; }

/// One worker, so that a call that fails and the next one meet in the same process.
class process_pool_calls : public testing::Test {
 protected:
  process_pool_executor pool{{.max_workers = 1}};

  void expect_unharmed() { EXPECT_EQ(pool.submit(times_itself, 9).result(), 81); }
};

// ── what may be called ──

TEST_F(process_pool_calls, it_runs_in_another_process) {
  const auto pid = pool.submit([] { return getpid(); }).result();
  EXPECT_NE(pid, getpid());
  EXPECT_EQ(pool.submit([] { return getpid(); }).result(), pid);
}

TEST_F(process_pool_calls, functions_objects_and_functions_named_by_type) {
  EXPECT_EQ(pool.submit(times_itself, 3).result(), 9);
  EXPECT_EQ(pool.submit(&times_itself, 4).result(), 16);
  EXPECT_EQ(pool.submit(square_quietly, 5).result(), 25);
  EXPECT_EQ(pool.submit(plait::fn<times_itself>, 6).result(), 36);
  EXPECT_EQ(pool.submit(std::plus<>(), 3, 4).result(), 7);
  EXPECT_EQ(pool.submit([](auto a, auto b) { return a * b; }, 3, 2.5).result(), 7.5);
}

TEST_F(process_pool_calls, a_function_of_a_shared_library) {
  // The address of getppid may lie in the program's own table of jumps or in the library: both are found again.
  EXPECT_NE(pool.submit(getppid).result(), getpid()) << "the server of the workers is the parent";
  EXPECT_EQ(pool.submit(static_cast<double (*)(double, double)>(std::pow), 2.0, 10.0).result(), 1024.0);
}

int hold(const std::string& gate, const std::string&) {
  test_support::pass_gate(gate);
  return 0;
}
std::size_t length(const std::string& text) { return text.size(); }

// A worker is told of a module before it is sent its first call of it. Here its ring has room for that call, but not
// for what is told: it holds 2,048 pieces of 64 bytes, of which three are left. A call of `length` takes 16 of them,
// and so does the one that is held; one of `times_itself` takes one.
TEST_F(process_pool_calls, a_function_of_a_library_for_a_worker_that_has_much_to_do) {
  const test_support::portable_gate gate;
  process_pool_executor one({.max_workers = 1});
  const std::string text(920, 'x');
  for (int i = 0; i < 300; ++i) ASSERT_EQ(one.submit(length, text).result(), text.size());  // it is known as quick
  const auto held = one.submit(hold, gate.path(), std::string(text.size() - 8 - gate.path().size(), 'x'));
  gate.wait_for(1);
  std::vector<plait::future<std::size_t>> lengths;
  std::vector<plait::future<int>> squares;
  for (int i = 0; i < 126; ++i) lengths.push_back(one.submit(length, text));
  for (int i = 0; i < 13; ++i) squares.push_back(one.submit(times_itself, i));
  const auto of_library = one.submit(static_cast<double (*)(double)>(std::floor), 3.5);
  gate.let_through(1);
  EXPECT_EQ(held.result(), 0);
  for (const auto& each : lengths) EXPECT_EQ(each.result(), text.size());
  for (int i = 0; i < 13; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)].result(), i * i);
  EXPECT_EQ(of_library.result(), 3.0);
}

// ── what may travel ──

struct address {
  std::string street;
  int number = 0;
  bool operator==(const address&) const = default;
};
struct person {
  std::string name;
  std::vector<address> homes;
  std::optional<double> height;
  bool operator==(const person&) const = default;
};

template <class T> T as_it_came(T value) { return value; }

TEST_F(process_pool_calls, values_come_back_as_they_went) {
  const auto check = [&]<class T>(const T& value) { EXPECT_EQ(pool.submit(as_it_came<T>, value).result(), value); };
  check(42);
  check(std::string());
  check(std::string("with\0in it", 10));
  check(std::vector<std::string>{"a", "", std::string(100'000, 'x')});
  check(std::map<std::string, std::set<int>>{{"odd", {1, 3}}, {"none", {}}});
  check(std::tuple<int, std::string, std::variant<int, std::string>>{1, "two", "three"});
  check(std::optional<std::vector<bool>>{{true, false, true}});
  check(person{"Ada", {{"Rue", 3}, {"Weg", 4}}, 1.7});
  check(std::vector<person>(1000, person{"Bob", {{"Road", 1}}, std::nullopt}));
}

TEST_F(process_pool_calls, what_can_only_be_moved) {
  auto there = std::make_unique<int>(41);
  auto back = pool.submit(
      [](std::unique_ptr<int> value) {
        ++*value;
        return value;
      },
      std::move(there));
  EXPECT_EQ(*std::move(back).result(), 42);
  auto many = pool.submit([] {
    std::vector<std::unique_ptr<std::string>> made;
    for (int i = 0; i < 3; ++i) made.push_back(std::make_unique<std::string>(i, 'x'));
    return made;
  });
  EXPECT_EQ(*std::move(many).result()[2], "xx");
}

TEST_F(process_pool_calls, sizes_at_which_the_way_changes) {
  for (const std::size_t size : {0u, 1u, 16'375u, 16'376u, 16'377u, 16'384u, 16'385u, 100'000u, 1u << 20, 9u << 20}) {
    std::vector<std::uint8_t> bytes(size);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
    EXPECT_EQ(pool.submit(as_it_came<std::vector<std::uint8_t>>, bytes).result(), bytes) << size;
  }
}

TEST_F(process_pool_calls, many_large_ones_at_once) {
  process_pool_executor three{{.max_workers = 3}};
  std::vector<plait::future<std::vector<int>>> calls;
  for (int i = 0; i < 60; ++i)
    calls.push_back(three.submit(as_it_came<std::vector<int>>, std::vector<int>(i % 2 ? 100'000 : 3, i)));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(calls[i].result(), std::vector<int>(i % 2 ? 100'000 : 3, i));
}

TEST_F(process_pool_calls, outcomes_with_values_and_exceptions) {
  const auto root = [](int n) -> plait::outcome<int> {
    if (n < 0) return std::make_exception_ptr(std::domain_error("negative"));
    return n;
  };
  EXPECT_EQ(pool.submit(root, 3).result().value(), 3);
  EXPECT_EQ(message_of<std::domain_error>([&] { return pool.submit(root, -1).result().value(); }), "negative");
}

TEST_F(process_pool_calls, map_in_chunks_where_some_items_fail) {
  const auto half = [](int n) {
    if (n % 10 == 7) throw std::invalid_argument("odd one: " + std::to_string(n));
    return std::to_string(n / 2);
  };
  auto results = pool.map({.chunk_size = 8}, half, std::views::iota(0, 100));
  int at = 0;
  for (auto it = results.begin(); it != results.end(); ++it, ++at) {
    if (at % 10 == 7) {
      EXPECT_EQ(message_of<std::invalid_argument>([&] { return *it; }), "odd one: " + std::to_string(at));
    } else {
      EXPECT_EQ(*it, std::to_string(at / 2));
    }
  }
  EXPECT_EQ(at, 100);
}

// ── what can't, through an executor of which nothing is known ──

TEST_F(process_pool_calls, what_can_not_travel_is_a_failed_future_through_the_interface) {
  plait::executor& any = pool;
  int here = 1;
  EXPECT_THAT(message_of<plait::not_portable>([&] { return any.submit([](int* p) { return *p; }, &here).result(); }),
              testing::AllOf(HasSubstr("argument 1 (" + std::string(plait::detail::type_name<int*>()) + ")"),
                             HasSubstr("a raw pointer means nothing")));
  EXPECT_THAT(message_of<plait::not_portable>([&] { return any.submit([&] { return here; }).result(); }),
              HasSubstr("a lambda with captures"));
  EXPECT_THAT(message_of<plait::not_portable>([&] {
                auto results = any.map([](const int* p) { return *p; }, std::vector<int*>{&here});
                return *results.begin();
              }),
              HasSubstr("a raw pointer"));
  expect_unharmed();
}

// ── failures on the way (scenarios 1, 2, 5, 6) ──

/// Fails where it is told to.
struct fragile {
  enum step : int { nowhere, saved_here, loaded_there, saved_there, loaded_here };
  int fails_at = nowhere;
  bool back = false;  // on its way home
  int kind = 0;       // of failure: 0 an exception, 1 exit, 2 a crash

  template <class Archive> void save(Archive& archive) const {
    if (fails_at == (back ? saved_there : saved_here)) fail();
    archive(fails_at, back, kind);
  }
  template <class Archive> void load(Archive& archive) {
    archive(fails_at, back, kind);
    if (fails_at == (back ? loaded_here : loaded_there)) fail();
  }
  void fail() const {
    if (kind == 1) _exit(0);
    if (kind == 2) raise(SIGKILL);
    throw std::length_error("too fragile");
  }
};
fragile turn_round(fragile value) {
  value.back = true;
  return value;
}

TEST_F(process_pool_calls, an_exception_in_encoding_or_decoding_fails_that_call_alone) {
  for (const int step : {fragile::saved_here, fragile::loaded_there, fragile::saved_there, fragile::loaded_here}) {
    auto f = pool.submit(turn_round, fragile{.fails_at = step});
    EXPECT_EQ(message_of<std::length_error>([&] { return f.result(); }), "too fragile") << "step " << step;
    expect_unharmed();
  }
  EXPECT_TRUE(pool.submit(turn_round, fragile{}).result().back);
}

TEST_F(process_pool_calls, a_death_in_decoding_or_encoding_there_fails_that_call_alone) {
  for (const int step : {fragile::loaded_there, fragile::saved_there}) {
    for (const int kind : {1, 2}) {
      auto f = pool.submit(turn_round, fragile{.fails_at = step, .kind = kind});
      try {
        static_cast<void>(f.result());
        FAIL() << "step " << step << ", kind " << kind;
      } catch (const worker_died& died) {
        EXPECT_EQ(died.signal(), kind == 2 ? SIGKILL : 0);
        EXPECT_EQ(died.exit_code(), 0);
      }
      expect_unharmed();
    }
  }
}

TEST_F(process_pool_calls, an_item_of_map_that_can_not_travel_fails_alone_in_its_chunk) {
  for (const std::size_t chunk_size : {1, 3, 6}) {
    for (const int step : {fragile::saved_here, fragile::loaded_there, fragile::saved_there, fragile::loaded_here}) {
      std::vector<fragile> items(6);
      items[2].fails_at = step;
      auto results = pool.map({.chunk_size = chunk_size}, turn_round, items);
      std::vector<std::string> found;
      for (auto it = results.begin(); it != results.end(); ++it) try {
          found.push_back((*it).back ? "back" : "?");
        } catch (const std::length_error& error) {
          found.push_back(error.what());
        }
      EXPECT_THAT(found, ElementsAre("back", "back", "too fragile", "back", "back", "back"))
          << "step " << step << ", chunks of " << chunk_size;
    }
  }
}

// ── exceptions (scenario 4) ──

TEST_F(process_pool_calls, exceptions_come_back_as_they_were_thrown) {
  EXPECT_EQ(message_of<travellers::no_such_key>(
                [&] { return pool.submit([] { throw travellers::no_such_key("key 7"); }).result(); }),
            "key 7");
  try {
    pool.submit([] { throw std::system_error(ENOENT, std::generic_category(), "open"); }).result();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
  EXPECT_THROW(pool.submit([] { throw 7; }).result(), int);
  EXPECT_THROW(pool.submit([] { throw fragile(); }).result(), plait::remote_error);
  expect_unharmed();
}

TEST_F(process_pool_calls, one_of_an_unknown_type_is_its_base_and_names_what_it_was) {
  auto f = pool.submit([] { throw travellers::stranger("index 12"); });
  EXPECT_EQ(message_of<std::out_of_range>([&] { return f.result(); }), "index 12");
  try {
    f.result();
  } catch (const plait::remote_error& error) {
    EXPECT_THAT(error.type_name(), HasSubstr("travellers::stranger"));
  }
}

TEST_F(process_pool_calls, nested_ones_come_whole) {
  auto f = pool.submit([] {
    try {
      throw std::out_of_range("inner");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  });
  try {
    f.result();
    FAIL();
  } catch (const std::runtime_error& outer) {
    EXPECT_STREQ(outer.what(), "outer");
    EXPECT_EQ(message_of<std::out_of_range>([&] { std::rethrow_if_nested(outer); }), "inner");
  }
}

TEST_F(process_pool_calls, the_future_tells_where_it_was_thrown) {
  auto f = pool.submit([]() -> int { throw std::runtime_error("here"); });
  EXPECT_TRUE(f.exception());
  EXPECT_THAT(f.remote_trace(), HasSubstr("process_pool_calls")) << "the stack of the lambda in this test";
  auto good = pool.submit(times_itself, 2);
  good.result();
  EXPECT_EQ(good.remote_trace(), "");
}

// ── size and load (scenarios 11, 24) ──

TEST_F(process_pool_calls, a_result_for_which_there_is_no_memory_fails_that_call_alone) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those end the process instead
  auto f = pool.submit([] { return std::vector<char>(std::size_t{1} << 50); });
  EXPECT_THROW(f.result(), std::bad_alloc);
#endif
  auto length = pool.submit([] { return std::vector<char>(std::size_t{1} << 63); });
  EXPECT_THROW(length.result(), std::length_error);
  expect_unharmed();
}

}  // namespace
