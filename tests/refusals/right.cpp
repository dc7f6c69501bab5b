// Calls that look like those of wrong_*.cpp and can travel.
#define PLAIT_NO_TEMPORARY_WARNING  // these are in no co_await expression
#include <plait/plait.hpp>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

struct point {
  int x;
  double y;
  std::string name;
};

struct tree {
  int value;
  std::vector<tree> children;
};

class account {
 public:
  account() = default;
  template <class Archive> void serialize(Archive& archive) { archive(balance_); }

 private:
  int balance_ = 0;
};

class ticket {  // moved only
 public:
  ticket() = default;
  explicit ticket(int number) : number_(std::make_unique<int>(number)) {}
  template <class Archive> void serialize(Archive& archive) { archive(number_); }

 private:
  std::unique_ptr<int> number_;
};

enum class color : unsigned char { red, green };

template <class... T> std::tuple<T...> pass(T... given) { return {std::move(given)...}; }
int length(std::string_view text) { return static_cast<int>(text.size()); }
int until(std::stop_token stop, const std::string& path) { return stop.stop_requested() ? 0 : length(path); }
void set_up(const std::string& /*path*/, int /*n*/) {}
inline constexpr struct {
  int operator()(const point& p) const { return p.x; }
} x_of;

void right(plait::process_pool_executor& pool) {
  std::ignore = pool.submit(pass<>);
  std::ignore = pool.submit(length, std::string("a view of an argument that it owns"));
  std::ignore = pool.submit(&until, std::string("a token is not an argument"));
  std::ignore = pool.submit(plait::fn<length>, std::string("named by type"));
  std::ignore =
      pool.submit([](int a, const std::string& b) { return b + std::to_string(a); }, 1, "literal" + std::string());
  std::ignore = pool.submit(x_of, point{.x = 1, .y = 2, .name = "an aggregate"});
  std::ignore =
      pool.submit(pass<point, tree, account, ticket, color>, point{}, tree{}, account{}, ticket(3), color::red);
  std::ignore = pool.submit(pass<std::unique_ptr<int>, std::shared_ptr<point>, std::optional<tree>>,
                            std::make_unique<int>(1), std::make_shared<point>(), std::optional<tree>());
  std::ignore = pool.submit({.priority = 1, .name = "named"},
                            pass<std::map<std::string, std::vector<point>>, std::variant<int, std::string>,
                                 std::array<std::pair<int, bool>, 2>>,
                            std::map<std::string, std::vector<point>>{}, std::string("one of them"),
                            std::array<std::pair<int, bool>, 2>{});
  std::ignore = pool.try_submit(length, std::string());
  std::ignore = pool.map([](int n) { return n * n; }, std::views::iota(0, 3));
  std::ignore = pool.map_unordered({.chunk_size = 2}, x_of, std::vector<point>());
  const plait::process_pool_options options{.initializer = {set_up, std::string("path"), 3}};
}

plait::task<int> right_on_a_loop(plait::process_pool_executor& pool) {
  const int first = co_await plait::to_process(length, std::string("text"));
  const auto number = plait::get_running_loop().run_in_executor(pool, length, std::string("text"));
  co_return first + co_await number;
}

// Where only the interface is known, all compiles: what can't travel is not_portable when it is submitted.
void through_the_interface(plait::executor& any) {
  int n = 1;
  std::ignore = any.submit([&n] { ++n; });
  std::ignore = any.submit([](const int* where) { return *where; }, &n);
  std::ignore = any.submit([](std::unique_lock<std::mutex> lock) { lock.lock(); }, std::unique_lock<std::mutex>());
}

// Threads take anything.
void in_threads(plait::thread_pool_executor& threads) {
  int n = 1;
  std::ignore = threads.submit([&n] { return &n; });
  std::ignore = threads.submit([](std::string_view text) { return text; }, std::string_view("text"));
}
