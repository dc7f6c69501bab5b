// Rows about what stands around a co_await: conditionals and braces.
#include "row.hpp"

// What is right.

ROW(await_and_unpack, right, silent, "") {
  const auto [first, second] = co_await pool.submit([] { return std::pair(text(), 2); });
  (void)first, (void)second;
}

ROW(await_twice_in_a_sum, right, silent, "") {
  const std::string sum = co_await a() + co_await b();
  (void)sum;
}

ROW(await_into_a_vector, right, silent, "") {
  std::vector<std::string> v;
  v.push_back(co_await a());
}

ROW(await_in_a_condition, right, silent, "") {
  const int n = 3;
  if ((co_await a()).size() > n && (co_await b()).size() > n) co_await a();
}

ROW(await_in_a_range_for, right, silent, "") {
  for (const char c : co_await a()) (void)c;
}

ROW(await_into_braces_of_a_string, right, silent, "") {
  const std::string s{co_await a()};
  (void)s;
}

ROW(await_into_braces_of_a_pair, right, silent, "") {
  std::vector<std::pair<std::string, int>> v;
  v.push_back({co_await a(), 3});
}

ROW(await_into_emplace_back_of_an_aggregate, right, silent, "") {
  std::vector<record> v;
  v.emplace_back(co_await a(), 3);
}

ROW(await_then_aggregate, right, silent, "") {
  std::string s = co_await a();
  const record r{std::move(s), 3};
  (void)r;
}

static plait::task<record> returns_an_aggregate() { co_return record{text(), 3}; }
ROW(co_return_aggregate, right, silent, "") { co_await returns_an_aggregate(); }

// Braces around an awaited value.

ROW(await_into_an_aggregate, wrong, silent, "aggregate") {
  const record r{co_await a(), 3};
  (void)r;
}

ROW(await_into_an_aggregate_in_parentheses, wrong, silent, "aggregate") {
  const record r(co_await a(), 3);
  (void)r;
}

ROW(await_into_an_array, wrong, silent, "aggregate") {
  const std::string both[] = {co_await a(), text()};
  (void)both;
}

ROW(await_an_int_into_an_aggregate, wrong, silent, "aggregate") {
  record r;
  r = {text(), co_await measure(make_record())};
}

ROW(await_into_push_back_of_an_aggregate, wrong, silent, "aggregate") {
  std::vector<record> v;
  v.push_back({co_await a(), 3});
}

ROW(co_return_awaited_aggregate, wrong, silent, "aggregate") {
  struct inner {
    static plait::task<record> coroutine() { co_return record{co_await a(), 3}; }
  };
  co_await inner::coroutine();
}

// Conditionals.

ROW(conditional_await_assigned, wrong, silent, "conditional") {
  std::string x;
  x = yes ? co_await a() : other_text();
}

ROW(conditional_await_initialises, wrong, silent, "conditional") {
  const std::string x = yes ? co_await a() : other_text();
  (void)x;
}

ROW(conditional_both_awaited, wrong, silent, "conditional") {
  std::string x;
  x = yes ? co_await a() : co_await b();
}

ROW(conditional_is_awaited, wrong, silent, "conditional") {
  const std::string x = co_await (yes ? a() : b());
  (void)x;
}

ROW(conditional_is_an_argument, wrong, silent, "conditional") {
  co_await pool.submit(length, yes ? text() : other_text());
}

ROW(conditional_beside_an_await, wrong, silent, "conditional") {
  const std::string x = (yes ? text() : other_text()) + co_await a();
  (void)x;
}

ROW(conditional_after_an_awaited_condition, wrong, silent, "conditional") {
  const std::string x = (co_await a()).empty() ? text() : other_text();
  (void)x;
}

ROW(conditional_of_numbers, right, silent, "") {
  const int x = yes ? co_await measure(make_record()) : 3;
  const int y = (co_await a()).empty() ? 2 : x;
  (void)y;
}

ROW(conditional_of_references, right, silent, "") {
  const std::string p = text(), q = other_text();
  const std::string x = (yes ? p : q) + co_await a();
  (void)x;
}

ROW(conditional_if, right, silent, "") {
  std::string x;
  if (yes) {
    x = co_await a();
  } else {
    x = other_text();
  }
}

// A coroutine that declares nothing and awaits in a condition: GCC 12 resumes it nowhere, its body never runs.

ROW(condition_if, lost, silent, "condition") {
  if ((co_await a()).size()) co_await b();
}

ROW(condition_while, lost, silent, "condition") {
  while (co_await measure(make_record()) && yes) yes = false;
}

ROW(condition_awaited_before, right, silent, "") {
  const std::string s = co_await a();
  if (s.size()) co_await b();
}

ROW(condition_beside_any_variable, right, silent, "") {
  if ((co_await a()).size()) {
    const int n = 3;
    (void)n;
  }
}

ROW(condition_with_a_variable, right, silent, "") {
  if (const int n = co_await measure(make_record()); n) co_await b();
}
