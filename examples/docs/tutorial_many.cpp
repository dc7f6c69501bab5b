// Many calls in bounded memory.
#include <plait/plait.hpp>

#include <ranges>

int price_of(int article) { return article % 7 * 100; }  // stands for a slow question

plait::task<void> async_main(plait::executor& pool) {
  auto prices = pool.map({.buffer_size = 64}, price_of, std::views::iota(0, 10'000));
  long sum = 0;
  while (const auto price = co_await prices.next()) sum += *price;
  fmt::print("{}\n", sum);
}

int main() {
  plait::thread_pool_executor pool{{.max_workers = 4}};
  plait::run(async_main(pool));
}

// Output:
// 2999400
