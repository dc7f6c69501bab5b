// Large data that two processes see at once.
#include <plait/plait.hpp>

#include <cstddef>
#include <span>

void brighten(std::span<float> pixels, float by) {
  for (float& pixel : pixels) pixel += by;
}

plait::shared_array<int> squares_below(int end) {  // made by a worker, and there when the worker is gone
  plait::shared_array<int> squares(static_cast<std::size_t>(end));
  for (int i = 0; i < end; ++i) squares[static_cast<std::size_t>(i)] = i * i;
  return squares;
}

plait::task<void> async_main(plait::process_pool_executor& pool) {
  plait::shared_array<float> pixels(1'000'000);  // all zero
  co_await pool.submit(brighten, pixels, 0.5F);  // writes to the same memory
  fmt::print("{}\n", pixels.back());

  const auto squares = co_await pool.submit(squares_below, 1'000);
  fmt::print("{}\n", squares.back());
}

int main() {
  plait::process_pool_executor pool({.max_workers = 1});
  plait::run(async_main(pool));
}

// Output:
// 0.5
// 998001
