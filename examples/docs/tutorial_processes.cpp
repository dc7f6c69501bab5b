// The same call in worker processes.
#include <plait/plait.hpp>

#include <cstdlib>
#include <string>

int price_from(const std::string& page) {  // stands for a parser that crashes on some input
  if (page.empty()) std::abort();
  return 100 * static_cast<int>(page.size());
}

plait::task<void> read_pages(plait::executor& pool) {
  for (const std::string page : {"<b>7</b>", "", "<p>9</p>"}) {
    try {
      const int price = co_await pool.submit(price_from, page);
      fmt::print("{}\n", price);
    } catch (const plait::worker_died& death) {
      fmt::print("the parser died by signal {}\n", death.signal());
    }
  }
}

int main() {
  plait::process_pool_executor pool{{.max_workers = 2}};
  plait::run(read_pages(pool));
}

// Output:
// 800
// the parser died by signal 6
// 800
