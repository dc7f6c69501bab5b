// Source lines: of this test itself, of a table written here by hand, and of damaged ones.
#include <plait/portable/code_address.hpp>
#include <plait/portable/internal/debug_lines.hpp>
#include <plait/portable/internal/symbol_file.hpp>

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace plait::detail;

[[gnu::noinline]] int known_line() { return 1; }
constexpr int line_of_it = __LINE__ - 1;

TEST(source_lines, of_a_function_of_this_file) {
  const symbol_file here("/proc/self/exe");
  if (here.debug().lines.empty()) GTEST_SKIP() << "this program was built without debug information";
  const auto address = address_of_code(reinterpret_cast<const void*>(&known_line)).offset;
  const auto found = source_lines(here.debug(), {address, address, ~std::uintptr_t{0}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found.at(address).ends_with("debug_lines_test.cpp:" + std::to_string(line_of_it))) << found.at(address);
  EXPECT_TRUE(found.at(address).starts_with("/")) << found.at(address);
}

/// Bytes, one after the other.
class table {
 public:
  table& byte(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  template <class T> table& number(T value) {
    std::byte bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.insert(bytes_.end(), std::begin(bytes), std::end(bytes));
    return *this;
  }
  table& text(std::string_view text) {
    for (const char c : text) byte(static_cast<unsigned char>(c));
    return byte(0);
  }
  table& add(const table& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  /// With its length before it.
  [[nodiscard]] table counted() const { return table().number(static_cast<std::uint32_t>(bytes_.size())).add(*this); }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

table fixed_fields() {
  table fields;
  fields.byte(1).byte(1).byte(1).byte(0xfb).byte(14).byte(13);
  for (const unsigned operands : {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}) fields.byte(operands);
  return fields;
}

// Line 10 at `begin`, line 11 four bytes on, for eight bytes.
table two_lines(std::uintptr_t begin) {
  table program;
  program.byte(0).byte(9).byte(2).number(begin);
  program.byte(3).byte(9).byte(1);
  program.byte(2).byte(4).byte(3).byte(1).byte(1);
  program.byte(2).byte(8).byte(0).byte(1).byte(1);
  return program;
}

table of_version_4(std::uintptr_t begin) {
  const auto header = fixed_fields().text("/src").text("").text("a.cpp").byte(1).byte(0).byte(0).text("");
  return table().number(std::uint16_t{4}).add(header.counted()).add(two_lines(begin)).counted();
}

table of_version_5(std::uintptr_t begin) {
  auto header = fixed_fields();
  header.byte(1).byte(1).byte(0x08).byte(2).text("/built").text("src");      // folders: a path, as a string
  header.byte(2).byte(1).byte(0x1f).byte(2).byte(0x0b).byte(2);              // files: line_strp and a number
  header.number(std::uint32_t{0}).byte(0).number(std::uint32_t{6}).byte(1);  // a.cpp in /built, b.cpp in src
  return table().number(std::uint16_t{5}).byte(8).byte(0).add(header.counted()).add(two_lines(begin)).counted();
}

TEST(source_lines, of_versions_4_and_5) {
  const auto lines = table(of_version_4(0x1000)).add(of_version_5(0x2000)).add(of_version_4(0));
  const auto names = table().text("a.cpp").text("b.cpp");
  const auto found = source_lines({.lines = lines.bytes(), .line_strings = names.bytes(), .strings = {}},
                                  {0x5, 0xfff, 0x1000, 0x1003, 0x1004, 0x100b, 0x100c, 0x2004});
  const std::map<std::uintptr_t, std::string> expected{{0x1000, "/src/a.cpp:10"},
                                                       {0x1003, "/src/a.cpp:10"},
                                                       {0x1004, "/src/a.cpp:11"},
                                                       {0x100b, "/src/a.cpp:11"},
                                                       {0x2004, "/built/src/b.cpp:11"}};
  EXPECT_EQ(found, expected) << "what lies at 0 was left out by the linker";
}

TEST(source_lines, of_damaged_tables_end) {
  std::mt19937 random(1);
  const auto whole = table(of_version_4(0x1000)).add(of_version_5(0x2000)).bytes();
  const auto names = table().text("a.cpp").text("b.cpp");
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(bytes.size() - random() % 8);
    for (const auto& [address, text] :
         source_lines({.lines = bytes, .line_strings = names.bytes(), .strings = {}}, {0x1000, 0x1004, 0x2000}))
      EXPECT_LT(text.size(), 3 * bytes.size());
  }
}

}  // namespace
