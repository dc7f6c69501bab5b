// What a call costs who submits it, and who runs it.
#include <plait/executor/travel.hpp>
#include <plait/plait.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <ranges>
#include <semaphore>
#include <stop_token>
#include <string>
#include <vector>

#include "benchmarks/hot_paths.hpp"
#include "benchmarks/measure.hpp"

namespace bench {
namespace {

int square(int n) { return n * n; }

// ---- calls ----

// A pool whose one worker is held up, so that what is submitted stays in the queue.
class held_pool {
 public:
  held_pool() {
    blocker_ = pool_.submit([this] {
      held_.release();
      gate_.acquire();
    });
    held_.acquire();
  }
  ~held_pool() { let_go(); }
  held_pool(const held_pool&) = delete;
  held_pool& operator=(const held_pool&) = delete;

  plait::thread_pool_executor& operator*() noexcept { return pool_; }
  void let_go() { gate_.release(); }

 private:
  std::counting_semaphore<2> held_{0};
  std::counting_semaphore<2> gate_{0};
  plait::thread_pool_executor pool_{{.max_workers = 1}};
  plait::future<void> blocker_;
};

void submit_with(const plait::call_options& options, std::uint64_t n) {
  held_pool held;
  std::vector<plait::future<int>> results;
  results.reserve(n);
  counted([&] {
    for (std::uint64_t i = 0; i < n; ++i) results.push_back((*held).submit(options, square, 3));
  });
  held.let_go();
  for (const auto& result : results) require(result.result() == 9, "wrong result");
}
void submit(std::uint64_t n) { submit_with({}, n); }
void submit_named(std::uint64_t n) { submit_with({.name = "decode"}, n); }

// An item in chunks of a hundred, until it is queued.
void map(std::uint64_t n) {
  held_pool held;
  std::uint64_t sum = 0;
  std::optional<plait::map_results<std::uint64_t>> results;
  counted([&] { results.emplace((*held).map({.chunk_size = 100}, call, std::views::iota(std::uint64_t{0}, n))); });
  held.let_go();
  for (const auto result : *results) sum += result;
  require(sum == sum_of_calls(n), "wrong sum");
}

struct no_worker final : plait::detail::call_environment {
  std::stop_token stop_token() override { return {}; }
};

// What a worker does with a call that it has taken: runs it and completes its future.
void run_call(std::uint64_t n) {
  std::vector<plait::detail::work_item*> items;
  std::vector<plait::future<int>> results;
  for (std::uint64_t i = 0; i < n; ++i) {
    auto& item = plait::detail::items_for_threads::make({}, square, 3);
    items.push_back(&item);
    results.push_back(plait::detail::future_access::make<int>(plait::detail::state_handle(&item)));
  }
  no_worker here;
  counted([&] {
    for (auto* const item : items) {
      item->mark_running();
      item->complete(item->execute(here));
    }
  });
  for (const auto& result : results) require(result.result() == 9, "wrong result");
}

// ---- what travels ----

std::uint64_t length(int a, int b, const std::string& text, const std::vector<double>& numbers) {
  return static_cast<std::uint64_t>(a + b) + text.size() + numbers.size();
}

// A call as it is for a pool of processes, and the memory that it is written to.
class traveling {
 public:
  traveling() { call_.mark_running(); }
  ~traveling() { call_.refuse(); }
  traveling(const traveling&) = delete;
  traveling& operator=(const traveling&) = delete;

  plait::detail::byte_writer writer() { return plait::detail::byte_writer(memory_, none_); }
  auto& operator*() noexcept { return call_; }
  plait::detail::arrival thunk() const {
    return reinterpret_cast<plait::detail::arrival>(const_cast<void*>(call_.thunk()));
  }

 private:
  plait::detail::traveling_call<decltype(&length), int, int, std::string, std::vector<double>>& call_ =
      plait::detail::items_for_processes::make({}, length, 1, 2, std::string(40, 'x'), std::vector<double>(16, 0.5));
  plait::future<std::uint64_t> result_ =
      plait::detail::future_access::make<std::uint64_t>(plait::detail::state_handle(&call_));
  std::array<std::byte, 1024> memory_{};
  plait::detail::heap_storage none_;
};

void encode(std::uint64_t n) {
  traveling call;
  std::size_t written = 0;
  counted([&] {
    for (std::uint64_t i = 0; i < n; ++i) {
      auto to = call.writer();
      (*call).encode(to);
      written += to.size();
    }
  });
  require(written > n * (40 + 16 * sizeof(double)), "too few bytes");
}

// What a worker process does between the bytes of the call and those of the result.
void decode(std::uint64_t n) {
  traveling call;
  auto to = call.writer();
  (*call).encode(to);
  no_worker here;
  std::array<std::byte, 64> memory{};
  plait::detail::heap_storage none;
  std::uint64_t sum = 0;
  counted([&] {
    for (std::uint64_t i = 0; i < n; ++i) {
      plait::detail::byte_reader in(to.bytes());
      plait::detail::byte_writer out(memory, none);
      call.thunk()(in, out, here);
      sum += plait::detail::byte_reader(out.bytes()).get<std::uint64_t>();
    }
  });
  require(sum == n * (3 + 40 + 16), "wrong sum");
}

constexpr path paths[] = {
    {"submit", submit}, {"submit_named", submit_named}, {"map", map}, {"run_call", run_call}, {"encode", encode},
    {"decode", decode},
};

}  // namespace

std::span<const path> paths_of_calls() { return paths; }

}  // namespace bench
