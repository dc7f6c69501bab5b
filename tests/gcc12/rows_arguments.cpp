// Rows about what is given to a call: closures, aggregates, options.
#include "row.hpp"

// Closures.

ROW(closure_with_a_string, wrong, warns, "closure") {
  const std::string z = text();
  co_await pool.submit([z] { return length(z); });
}

ROW(closure_with_a_unique_ptr, wrong, warns, "closure") {
  auto z = std::make_unique<std::string>(text());
  co_await pool.submit([z = std::move(z)]() mutable { return length(*z); });
}

ROW(closure_with_a_reference, right, silent, "") {
  const std::string z = text();
  co_await pool.submit([&z] { return length(z); });
}

ROW(closure_with_an_int, right, silent, "") {
  const int k = 3;
  co_await pool.submit([k] { return k + 1; });
}

ROW(closure_without_captures, right, silent, "") {
  co_await pool.submit([](const std::string& s) { return length(s); }, text());
}

ROW(closure_in_a_variable, right, silent, "") {
  const std::string z = text();
  auto work = [z] { return length(z); };
  co_await pool.submit(work);
}

// A coroutine begins and ends with a co_await of its own, in which the lambda is not.
ROW(closure_in_a_variable_that_is_a_coroutine, right, silent, "") {
  const std::string z = text();
  const auto work = [z](plait::executor& in) -> plait::task<void> { co_await in.submit(length, z); };
  co_await work(pool);
}

// The warning can't tell std::move of a named object from a temporary.
ROW(closure_in_a_variable_std_move, right, warns, "") {
  auto work = [z = std::make_unique<std::string>(text())] { return length(*z); };
  co_await pool.submit(std::move(work));
}

ROW(closure_in_a_variable_plait_moved, right, silent, "") {
  auto work = [z = std::make_unique<std::string>(text())](int n) { return length(*z) + n; };
  co_await pool.submit(plait::moved(work), 3);
}

// A lambda in a function that is no coroutine is nobody's danger, and the warning sees that.
static auto submit_in_a_function(plait::executor& pool, const std::string& z) {
  return pool.submit([z] { return length(z); });
}
ROW(closure_in_a_function, right, silent, "") { co_await submit_in_a_function(pool, text()); }

ROW(closure_in_an_ordinary_lambda, right, silent, "") {
  const auto submit = [&pool](const std::string& z) { return pool.submit([z] { return length(z); }); };
  co_await submit(text());
}

// It sees the coroutine in a member function, a lambda and a template as well.
ROW(closure_in_a_member_function, wrong, warns, "closure") {
  struct inner {
    std::string z;
    plait::task<void> coroutine(plait::executor& pool) const&& {
      co_await pool.submit([z = z](int n) { return length(z) + n; }, 3);
    }
  };
  const inner i{text()};
  co_await std::move(i).coroutine(pool);
}

ROW(closure_in_a_generic_lambda, wrong, warns, "closure") {
  const auto coroutine = [&pool](auto z) -> plait::task<void> {
    co_await pool.submit([z](const std::vector<std::string>& v) mutable { return z.size() + v.size(); },
                         std::vector<std::string>(2, z));
  };
  co_await coroutine(text());
}

// It can't see that this call is awaited in another statement.
ROW(closure_awaited_later, right, warns, "") {
  const std::string z = text();
  auto f = pool.submit([z] { return length(z); });
  co_await f;
}

ROW(closure_beside_an_await, wrong, silent, "closure") {
  const std::string z = text();
  const int n = [z] { return length(z); }() + co_await measure(make_record());
  (void)n;
}

ROW(closure_that_captures_an_awaited_string, wrong, silent, "closure") {
  auto work = [z = co_await a()] { return length(z); };
  (void)work;
}

// Functions with arguments.

ROW(function_with_an_int, right, silent, "") {
  co_await pool.submit([](int n) { return n * n; }, 4);
}

ROW(function_with_a_string, right, silent, "") {
  for (int i = 0; i < 3; ++i) co_await pool.submit(length, std::string(text()));
}

ROW(function_with_a_pair, right, silent, "") {
  const auto second = [](const std::pair<std::string, int>& p) { return p.second; };
  co_await pool.submit(second, std::pair<std::string, int>{text(), 3});
}

ROW(function_with_a_vector, right, silent, "") {
  const auto size = [](const std::vector<std::string>& v) { return v.size(); };
  co_await pool.submit(size, std::vector<std::string>(3, text()));
}

// Aggregates. Each row has a type of its own, as GCC warns once for a type.

ROW(aggregate, wrong, warns, "aggregate") {
  struct own : record {};
  co_await pool.submit([](const own& r) { return r.count; }, own{{text(), 2}});
}

ROW(aggregate_in_parentheses, wrong, warns, "aggregate") {
  struct own {
    std::string name;
    int count;
  };
  co_await pool.submit([](const own& r) { return r.count; }, own(text(), 2));
}

ROW(aggregate_with_a_destructor, wrong, warns, "aggregate") {
  struct own {
    std::string name;
    int count;
    ~own() {}
  };
  co_await pool.submit([](const own& r) { return r.count; }, own{text(), 2});
}

ROW(aggregate_std_array, wrong, warns, "aggregate") {
  const auto first = [](const std::array<std::string, 2>& v) { return length(v[0]); };
  co_await pool.submit(first, std::array<std::string, 2>{text(), text()});
}

ROW(aggregate_of_numbers, right, silent, "") {
  struct own {
    int count;
    double weight;
  };
  co_await pool.submit([](own r) { return r.count; }, own{2, 0.5});
}

ROW(aggregate_in_a_variable, right, silent, "") {
  struct own : record {};
  const own r{{text(), 2}};
  co_await pool.submit([](const own& x) { return x.count; }, r);
}

ROW(aggregate_in_a_variable_plait_moved, right, silent, "") {
  struct own : record {};
  own r{{text(), 2}};
  co_await pool.submit([](const own& x) { return x.count; }, plait::moved(r));
}

// What a function returns is right too, and can't be told from what is written here.
ROW(aggregate_from_a_function, right, warns, "") { co_await pool.submit(length_of, make_record()); }

ROW(aggregate_in_an_ordinary_lambda, right, silent, "") {
  co_await pool.submit([](int n) { return length_of(record{text(), n}) + length(yes ? text() : other_text()); }, 2);
}

// Coroutines and functions of one's own: no call of plait's to warn, the check alone sees them.

ROW(coroutine_with_an_aggregate, wrong, silent, "aggregate") { co_await measure(record{text(), 2}); }

ROW(coroutine_with_braces, wrong, silent, "aggregate") { co_await measure({text(), 2}); }

ROW(coroutine_with_a_default_aggregate, wrong, silent, "default") { co_await measure_default(); }

ROW(coroutine_with_a_moved_aggregate, right, silent, "") {
  record r{text(), 2};
  co_await measure(std::move(r));
}

// Options.

struct options_with_a_string {
  std::string name;
  int retries = 0;
};
static auto submit_with(plait::executor& pool, options_with_a_string options, int n) {
  return pool.submit([](int x) { return x; }, options.retries + n);
}

struct options_with_setters {
  options_with_setters() {}
  options_with_setters& name(std::string n) { return name_ = std::move(n), *this; }
  std::string name_;
};
static auto submit_with(plait::executor& pool, const options_with_setters& options) {
  return pool.submit(length, options.name_);
}

ROW(options_of_plait, right, silent, "") {
  co_await pool.submit({.timeout = std::chrono::seconds(20), .name = "square"}, [](int n) { return n * n; }, 4);
}

ROW(options_with_a_string_named_in_place, wrong, silent, "aggregate") {
  co_await submit_with(pool, options_with_a_string{.name = text(), .retries = 2}, 4);
}

ROW(options_with_a_string_in_braces, wrong, silent, "aggregate") {
  co_await submit_with(pool, {.name = text(), .retries = 2}, 4);
}

ROW(options_in_a_variable, right, silent, "") {
  options_with_a_string options{.name = text(), .retries = 2};
  co_await submit_with(pool, std::move(options), 4);
}

ROW(options_with_setters_in_place, right, silent, "") {
  co_await submit_with(pool, options_with_setters().name(text()));
}
