// An input of link_fuzz, written down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "link_operations.hpp"

namespace fuzz {

class program {
 public:
  template <class... Parts> program& then(operation what, Parts... parts) {
    put(what);
    (put(parts), ...);
    return *this;
  }
  program& bytes(std::size_t count) {
    for (; count > 0; --count) put(std::uint8_t{0});
    return *this;
  }
  [[nodiscard]] std::span<const std::byte> written() const noexcept { return bytes_; }

 private:
  template <class T> void put(T value) {
    const auto* const at = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof(T));
  }
  std::vector<std::byte> bytes_;
};

constexpr std::uint8_t u8(unsigned value) { return static_cast<std::uint8_t>(value); }
constexpr std::uint16_t u16(unsigned value) { return static_cast<std::uint16_t>(value); }
constexpr std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint64_t u64(std::uint64_t value) { return value; }

}  // namespace fuzz
