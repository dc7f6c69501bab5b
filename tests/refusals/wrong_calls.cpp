// Callables and results that can't travel, and the other ways to a process. See refusals_test.py for how they are
// marked.
#include <plait/plait.hpp>

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

int twice(int n) { return 2 * n; }
int look(const int* n) { return *n; }
long look_at_long(const long* n) { return *n; }
int* address_of_something() { return nullptr; }
std::string_view first_word(const std::string& text) { return std::string_view(text).substr(0, text.find(' ')); }
struct counter {
  int n = 0;
  int operator()(int by) { return n += by; }
  [[nodiscard]] int value() const { return n; }
};
struct secret {
  explicit secret(int number) : number_(number) {}

 protected:
  int number_;
};
secret tell(int n) { return secret(n); }

// clang-format off
void wrong_callables(plait::process_pool_executor& pool) {
  int n = 3;
  const auto by_value = [n](int m) { return n + m; };
  pool.submit(by_value, 1);                            //! callable, .*lambda.*: a lambda with captures.*, can't travel; pass a function or a captureless lambda
  const auto by_reference = [&n] { ++n; };
  pool.submit({.name = "named"}, by_reference);        //! callable, .*lambda.*: a lambda with captures.*and what it captured as arguments
  pool.submit(counter{}, 1);                           //! callable, counter: a lambda with captures, or a function object with members, can't travel
  pool.submit(std::function<int(int)>(twice), 1);      //! callable, std::function<int ?\(int\)>: a std::function hides what it calls
  pool.submit(&counter::value, counter{});             //! callable, int \(counter::\*\)\(\) const: a pointer to a member can't travel; pass a captureless lambda
  pool.submit(std::bind(twice, 3));                    //! callable, std::_Bind<.*>: a lambda with captures, or a function object with members
}

void wrong_results(plait::process_pool_executor& pool) {
  pool.submit(address_of_something);                   //! result, int ?\*: a raw pointer means nothing in another process
  pool.submit(first_word, std::string("a b"));         //! result, std::(basic_string_view<char>|string_view): a view .* does not own what it shows
  pool.submit(tell, 3);                                //! result, secret: a class with private members
}

void wrong_map(plait::process_pool_executor& pool) {
  const std::array<int, 2> numbers{1, 2};
  const std::vector<const int*> addresses{&numbers[0], &numbers[1]};
  pool.map(look, addresses);                           //! argument 1, (const int|int const) ?\*: a raw pointer means nothing in another process
  const auto add = [sum = 0](int n) mutable { return sum += n; };
  pool.map_unordered({.chunk_size = 2}, add, numbers); //! callable, .*lambda.*: a lambda with captures
}

void wrong_initializers() {
  const int n = 3;
  double x = 0;
  std::mutex m;
  const plait::process_pool_options captured{.initializer = [n] { twice(n); }};         //! callable, .*lambda.*: a lambda with captures
  const plait::process_pool_options pointed{.initializer = {[](double* where) { *where = 1; }, &x}};  //! argument 1, double ?\*: a raw pointer means nothing
  const plait::process_pool_options locked{.initializer = {[](std::mutex& lock) { lock.lock(); }, std::ref(m)}};  //! argument 1, std::reference_wrapper<std::mutex>: a std::reference_wrapper refers
}

plait::task<int> wrong_on_a_loop(plait::process_pool_executor& pool, int n) {
  const auto captures = [n](int m) { return n + m; };
  auto first = plait::to_process(captures, 1);                         //! callable, .*lambda.*: a lambda with captures
  const long number = n;
  auto second = plait::get_running_loop().run_in_executor(pool, look_at_long, &number);  //! argument 1, (const long|long const|long int const|const long int) ?\*: a raw pointer means nothing in another process
  co_return co_await first + static_cast<int>(co_await second);
}
// clang-format on
