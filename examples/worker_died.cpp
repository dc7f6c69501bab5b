// A call that crashes costs its worker process, and nothing else.
#include <plait/plait.hpp>

#include <cstdlib>
#include <string>
#include <vector>

int parse(const std::string& text) {  // stands for a library that crashes on some input
  if (text == "bad") std::abort();
  return static_cast<int>(text.size());
}

plait::task<void> parse_all() {
  const std::vector<std::string> inputs{"one", "bad", "three"};
  for (const auto& input : inputs) {
    try {
      const int parsed = co_await plait::to_process(parse, input);
      fmt::print("{}: {}\n", input, parsed);
    } catch (const plait::worker_died& death) {
      fmt::print("{}: its worker died by signal {}\n", input, death.signal());
    }
  }
}

int main() { plait::run(parse_all()); }
