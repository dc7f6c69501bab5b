// Which executor: the default threads, threads of one's own, processes.
#include <plait/plait.hpp>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

using namespace std::chrono_literals;

struct database {  // stands for a client that must be used by one thread at a time
  int rows = 0;
  int insert(int n) { return rows += n; }
};

std::string read_settings(const std::string& path) { return "settings of " + path; }

int insert(database* db, int n) { return db->insert(n); }

int decode(const std::string& image) {  // stands for a codec that hangs on some input
  if (image == "broken")
    while (true) std::this_thread::sleep_for(1h);
  return static_cast<int>(image.size());
}

plait::task<void> ordinary() {
  const auto settings = co_await plait::to_thread(read_settings, std::string("/etc/shop"));
  fmt::print("{}\n", settings);
}

plait::task<void> one_thread_at_a_time(plait::executor& only_one) {
  static database db;
  auto first = only_one.submit(insert, &db, 2);
  auto second = only_one.submit(insert, &db, 3);
  co_await first;
  const int rows = co_await second;
  fmt::print("{} rows\n", rows);
}

plait::task<void> untrusted(plait::executor& codecs) {
  auto good = codecs.submit(decode, std::string("picture"));
  auto bad = codecs.submit({.timeout = 500ms, .name = "decode"}, decode, std::string("broken"));
  const int size = co_await good;
  fmt::print("{} bytes\n", size);
  try {
    co_await bad;
  } catch (const plait::timeout_error&) {
    fmt::print("took too long: its process was killed\n");
  }
}

plait::task<void> async_main(plait::executor& only_one, plait::executor& codecs) {
  co_await ordinary();
  co_await one_thread_at_a_time(only_one);
  co_await untrusted(codecs);
}

int main() {
  plait::thread_pool_executor only_one{{.max_workers = 1, .thread_name_prefix = "database"}};
  plait::process_pool_executor codecs{{.max_workers = 2}};
  plait::run(async_main(only_one, codecs));
}

// Output:
// settings of /etc/shop
// 5 rows
// 7 bytes
// took too long: its process was killed
