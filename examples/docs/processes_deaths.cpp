// Calls that crash: each costs its own worker, and nothing else.
#include <plait/plait.hpp>

#include <cstdlib>
#include <string>
#include <vector>

int decode(const std::string& picture) {  // stands for a library that crashes on some input
  if (picture == "broken") std::abort();
  return static_cast<int>(picture.size());
}

plait::task<void> decode_all(plait::executor& decoders) {
  const std::vector<std::string> pictures{"beach", "broken", "mountain"};
  std::vector<plait::future<int>> calls;
  for (const auto& picture : pictures) calls.push_back(decoders.submit({.name = picture}, decode, picture));
  for (auto& call : calls) {
    try {
      const int size = co_await call;
      fmt::print("{} bytes\n", size);
    } catch (const plait::worker_died& death) {
      fmt::print("{}: killed by signal {}\n", death.call(), death.signal());
    }
  }
}

plait::task<void> decode_stubbornly(plait::executor& decoders) {
  const auto call =
      decoders.submit({.retries = 9, .retry_on = plait::retry_on<plait::worker_died>}, decode, std::string("broken"));
  try {
    co_await call;
  } catch (const plait::worker_died&) {  // of the third death: it is not run a fourth time
    fmt::print("given up\n");
  }
}

plait::task<void> async_main(plait::executor& decoders) {
  co_await decode_all(decoders);
  co_await decode_stubbornly(decoders);
}

int main() {
  plait::process_pool_executor decoders({.max_workers = 2, .worker_name_prefix = "decoder"});
  plait::run(async_main(decoders));
}

// Output:
// 5 bytes
// broken: killed by signal 6
// 8 bytes
// given up
