// What a fuzzer gives, read from its begin to its end: behind it there are zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace fuzz {

class input {
 public:
  input(const std::uint8_t* data, std::size_t size) noexcept : rest_(std::as_bytes(std::span(data, size))) {}
  explicit input(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::span<const std::byte> rest() const noexcept { return rest_; }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T get() noexcept {
    T value{};
    const auto bytes = take(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  unsigned byte() noexcept { return get<std::uint8_t>(); }
  /// At most so many.
  std::span<const std::byte> take(std::size_t size) noexcept {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::byte> rest_;
};

/// A finding: the fuzzer keeps the input and tells of it.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
  std::abort();
}

}  // namespace fuzz
