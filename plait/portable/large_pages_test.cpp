// Large arrays come into memory for which the kernel was asked for large pages.
#include <plait/portable/round_trip_test.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using portable_test::decoded;
using portable_test::encoded;

constexpr std::size_t mib = std::size_t{1} << 20;

/// Whether its mapping has that advice: the flag `hg` of /proc/self/smaps.
bool wants_large_pages(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream mappings("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(mappings, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-')
      here = begin <= wanted && wanted < end;
    else if (here && line.starts_with("VmFlags:"))
      return line.find(" hg") != std::string::npos;
  }
  return false;
}

TEST(large_pages, are_asked_for_where_an_array_is_large) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) GTEST_SKIP() << "this kernel has none";
  const auto small = decoded<std::string>(encoded(std::string(mib, 'x')));
  EXPECT_FALSE(wants_large_pages(small.data() + mib / 2));
  const auto numbers = decoded<std::vector<double>>(encoded(std::vector<double>(2 * mib, 1.5)));
  EXPECT_TRUE(wants_large_pages(numbers.data() + mib));
  EXPECT_EQ(numbers, std::vector<double>(2 * mib, 1.5));
  const auto text = decoded<std::string>(encoded(std::string(16 * mib, 'x')));
  EXPECT_TRUE(wants_large_pages(text.data() + 8 * mib));
  EXPECT_EQ(text, std::string(16 * mib, 'x'));
}

}  // namespace
