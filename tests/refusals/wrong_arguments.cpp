// Arguments that can't travel. See refusals_test.py for how they are marked.
#include <plait/processes/process_pool_executor.hpp>

#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct tree {
  int value;
  std::vector<tree*> children;
};

struct guarded {
  std::string text;
  std::unique_ptr<std::mutex> lock;
};

class account {  // neither an aggregate nor with serialize
 public:
  account() = default;
  [[nodiscard]] int balance() const { return balance_; }

 private:
  int balance_ = 0;
};

struct base {
  int n;
};
struct derived : base {
  int m;
};

struct shape {
  virtual ~shape() = default;
  int n = 0;
};

class ticket {  // moved only, and never made without a number
 public:
  explicit ticket(int number) : number_(std::make_unique<int>(number)) {}
  template <class Archive> void serialize(Archive& archive) { archive(number_); }

 private:
  std::unique_ptr<int> number_;
};

union bits {
  int i;
  float f;
};

template <class... T> void take(T...) {}
template <class T> void look(const T&) {}

// clang-format off
void wrong(plait::process_pool_executor& pool) {
  int n = 0;
  pool.submit(take<int*>, &n);                              //! argument 1, int ?\*: a raw pointer means nothing in another process; pass the value
  pool.submit(take<int, void*>, 1, nullptr);                //! argument 2, (std::)?nullptr_t: a raw pointer means nothing in another process
  pool.submit(look<std::string>, "literal");                //! argument 1, const char ?\*: a char\* points into this process .*; pass a std::string
  pool.submit(take<int, int&>, 1, std::ref(n));             //! argument 2, std::reference_wrapper<int>: a std::reference_wrapper refers to what only this process has
  pool.submit(take<std::string_view>, std::string_view());  //! argument 1, std::(basic_string_view<char>|string_view): a view .* does not own what it shows
  pool.submit(take<std::span<int>>, std::span<int>());      //! argument 1, std::span<int(, \d+)?>: a view .* does not own what it shows
  pool.submit(take<std::thread>, std::thread());            //! argument 1, std::thread: a thread, or what signals one .*, belongs to one process
  pool.submit(take<std::function<int()>>, std::function<int()>());  //! argument 1, std::function<int ?\(\)>: a std::function hides what it calls; pass a function, a captureless lambda, or plait::fn<f>
  pool.submit(take<std::unique_lock<std::mutex>>, std::unique_lock<std::mutex>());  //! argument 1, std::unique_lock<std::mutex>: a mutex or lock works within one process only
  pool.submit(take<guarded>, guarded());                    //! argument 1, guarded: a mutex or lock works within one process only
  pool.submit(take<std::future<int>>, std::future<int>());  //! argument 1, std::future<int>: a future or promise belongs to the process that made it
  pool.submit(take<plait::future<int>>, plait::future<int>());  //! argument 1, plait::.*future<int>: a future or promise belongs to the process that made it
  pool.submit(look<std::ofstream>, std::ofstream());        //! argument 1, std::(basic_ofstream<char>|ofstream): a stream belongs to one process
  pool.submit(take<account>, account());                    //! argument 1, account: a class with private members .*; give it a member template serialize\(Archive&\)
  pool.submit(take<derived>, derived());                    //! argument 1, derived: a plain struct that derives from another is not looked into
  pool.submit(take<shape>, shape());                        //! argument 1, shape: a class with virtual functions may be of a derived type
  pool.submit(take<ticket>, ticket(3));                     //! argument 1, ticket: it is made in the other process before its members are read, so it needs a default constructor
  pool.submit(take<bits>, bits());                          //! argument 1, bits: which member of a union is alive is not known
  pool.submit(take<int, int, tree>, 1, 2, tree());          //! argument 3, tree: a raw pointer means nothing in another process
  pool.submit({.name = "named"}, take<std::vector<std::map<int, const int*>>>, std::vector<std::map<int, const int*>>());  //! argument 1, std::vector<.*std::map<int, (const int|int const) ?\*.*: a raw pointer means nothing
  pool.try_submit(take<std::unique_ptr<int[]>>, std::unique_ptr<int[]>());  //! argument 1, std::unique_ptr<int ?\[\].*>: a smart pointer with a deleter of its own, or to an array
}
// clang-format on
