#include "benchmarks/counted_allocations.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace bench {
namespace {

std::atomic<std::uint64_t> by_all{0};  // read when all calls have ended, so that no order is needed
thread_local std::uint64_t by_this_thread = 0;

void* counted(std::size_t size, std::size_t alignment) {
  by_all.fetch_add(1, std::memory_order_relaxed);
  ++by_this_thread;
  const auto rounded = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, rounded)) return p;
  throw std::bad_alloc();
}

}  // namespace

std::uint64_t allocations() noexcept { return by_all.load(std::memory_order_relaxed); }
std::uint64_t allocations_of_this_thread() noexcept { return by_this_thread; }

}  // namespace bench

// All other forms of new and delete come down to these.
void* operator new(std::size_t size) { return bench::counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return bench::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
