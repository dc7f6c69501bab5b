// A result that takes much of the machine's memory, and its time: fresh pages cost seconds a gibibyte where the
// machine is a virtual one. So it runs with no other test beside it. For every executor (scenario 24).
#include <plait/executor/executor_contract_test.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace {

using namespace executor_contract;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

class executor_memory : public contract {};
PLAIT_FOR_EACH_EXECUTOR(executor_memory);

TEST_P(executor_memory, a_result_of_a_gibibyte) {
  constexpr std::size_t size = std::size_t{1} << (sanitized ? 26 : 30);  // there are three of it, and shadows of them
  const auto pool = make();
  auto f = pool->submit([] {
    std::vector<char> large(size);
    large.back() = 'z';
    return large;
  });
  const auto& looked_at = f.result();
  const char* const where = looked_at.data();
  const auto taken = std::move(f).result();
  EXPECT_EQ(taken.size(), size);
  EXPECT_EQ(taken.back(), 'z');
  EXPECT_EQ(taken.data(), where) << "it was copied";
}

}  // namespace
