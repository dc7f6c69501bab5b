// Bytes going out and coming in.
//
//   byte_writer   fills memory that somebody lends (a ring's slot); where it is too small, byte_storage gives more
//   byte_reader   takes them out again, and trusts nothing: they may lie in memory that a hostile process rewrites
//                 meanwhile. Each byte is read once; a length is copied, and the copy checked, before anything is
//                 allocated for it.
#pragma once

#include <plait/core/config.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

/// Where a writer gets more memory from.
class PLAIT_API byte_storage {
 public:
  byte_storage() = default;
  byte_storage(const byte_storage&) = delete;
  byte_storage& operator=(const byte_storage&) = delete;
  virtual ~byte_storage();
  /// At least `at_least` bytes, beginning with a copy of `so_far`; the memory given before is not used any more.
  /// May throw.
  virtual std::span<std::byte> grow(std::span<const std::byte> so_far, std::size_t at_least) = 0;
};

/// Memory of its own that doubles.
class PLAIT_API heap_storage final : public byte_storage {
 public:
  heap_storage() = default;
  ~heap_storage() override;
  std::span<std::byte> grow(std::span<const std::byte> so_far, std::size_t at_least) override;
  /// What it has, to begin the next writer with.
  [[nodiscard]] std::span<std::byte> memory() noexcept { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

class byte_writer {
 public:
  explicit byte_writer(std::span<std::byte> first_memory, byte_storage& more) noexcept
      : begin_(first_memory.data()), at_(begin_), end_(begin_ + first_memory.size()), more_(more) {}

  void write(const void* data, std::size_t size) {
    if (size > room()) [[unlikely]]
      grow(size);
    if (size != 0) std::memcpy(at_, data, size);
    at_ += size;
  }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) {
    if (sizeof(T) > room()) [[unlikely]]
      grow(sizeof(T));
    std::memcpy(at_, std::addressof(value), sizeof(T));
    at_ += sizeof(T);
  }

  /// One byte that says how many follow it, then those: what comes next lies at a multiple of `alignment`.
  void put_padding(std::size_t alignment) {
    if (room() < alignment) [[unlikely]]
      grow(alignment);
    const std::size_t count = (alignment - (reinterpret_cast<std::uintptr_t>(at_) + 1) % alignment) % alignment;
    *at_++ = static_cast<std::byte>(count);
    std::memset(at_, 0, count);
    at_ += count;
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {begin_, at_}; }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  /// Forgets what was written after the first `to_size` bytes.
  void rewind(std::size_t to_size) noexcept {
    if (to_size < size()) at_ = begin_ + to_size;
  }

 private:
  [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  PLAIT_API void grow(std::size_t more);

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  byte_storage& more_;
};

/// Says how many bytes were wanted and how many were left.
[[noreturn]] PLAIT_API void throw_too_few_bytes(std::size_t wanted, std::size_t remaining);
[[noreturn]] PLAIT_API void throw_decode_error(const char* what);

class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> bytes) noexcept : at_(bytes.data()), end_(at_ + bytes.size()) {}

  void read(void* to, std::size_t size) {
    const auto from = take(size);
    if (size != 0) std::memcpy(to, from.data(), size);
  }
  template <class T>
    requires std::is_trivially_copyable_v<T> && std::default_initializable<T>
  T get() {
    T value;
    read(std::addressof(value), sizeof(T));
    // The compiler takes it that nobody else writes this memory, and might look there again instead of at the copy.
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) asm volatile("" : "+r"(value));
    return value;
  }
  /// The next `size` bytes where they lie: whoever reads them must read each once.
  std::span<const std::byte> take(std::size_t size) {
    if (size > remaining()) [[unlikely]]
      throw_too_few_bytes(size, remaining());
    const std::byte* from = at_;
    at_ += size;
    return {from, size};
  }
  void skip_padding() { take(get<std::uint8_t>()); }
  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  const std::byte* at_;
  const std::byte* end_;
};

}  // namespace plait::inline PLAIT_ABI::detail
