// The program that docs/from_python.md reads line by line.
#include <plait/plait.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;

int word_count(const std::string& text) {  // def word_count(text): return len(text.split())
  int words = 0;
  bool inside = false;
  for (const char c : text) {
    words += c != ' ' && !inside;
    inside = c != ' ';
  }
  return words;
}

plait::task<int> slowly(std::string text) {  // async def slowly(text):
  co_await plait::sleep(10ms);               //     await asyncio.sleep(0.01)
  const auto counted =                       //     return await asyncio.to_thread(word_count, text)
      co_await plait::to_thread(word_count, text);
  co_return counted;
}

plait::task<void> async_main() {
  auto& loop = plait::get_running_loop();
  auto first = loop.create_task(slowly("one two three"), "first");  // asyncio.create_task(…, name="first")
  const int second = co_await slowly("four");                       // await slowly("four")
  fmt::print("{} {}\n", co_await first, second);

  plait::thread_pool_executor pool{{.max_workers = 2}};  // ThreadPoolExecutor(max_workers=2)
  const std::vector<std::string> texts{"a", "b c", "d e f"};
  auto counts = pool.map(word_count, texts);  // for count in pool.map(word_count, texts):
  while (const auto count = co_await counts.next()) fmt::print("{}\n", *count);
}

int main() { plait::run(async_main()); }  // asyncio.run(async_main())

// Output:
// 3 1
// 1
// 2
// 3
