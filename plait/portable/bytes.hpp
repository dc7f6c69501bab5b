// Bytes going out and coming in.
//
//   byte_writer   fills memory that somebody lends (a ring's slot); where it is too small, byte_storage gives more
//   byte_reader   takes them out again, and trusts nothing: they may lie in memory that a hostile process rewrites
//                 meanwhile. Each byte is read once; a length is copied, and the copy checked, before anything is
//                 allocated for it.
//
// What can't be written as bytes goes beside them (freight.hpp), where whoever lends the memory can carry it.
#pragma once

#include <plait/core/config.hpp>
#include <plait/portable/freight.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

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
  /// Where the message takes what can't be written as bytes; null where it can't.
  [[nodiscard]] virtual freight* beside() noexcept;
};

/// Memory of its own that doubles.
class PLAIT_API heap_storage final : public byte_storage {
 public:
  /// `beside` is that of the message that the bytes become part of.
  explicit heap_storage(freight* beside = nullptr) noexcept : beside_(beside) {}
  ~heap_storage() override;
  std::span<std::byte> grow(std::span<const std::byte> so_far, std::size_t at_least) override;
  /// What it has, to begin the next writer with.
  [[nodiscard]] std::span<std::byte> memory() noexcept { return {memory_.get(), size_}; }
  [[nodiscard]] freight* beside() noexcept override;

 private:
  freight* beside_;
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
  /// Once more, where it was written: at byte `at`, of which all sizeof(T) are there.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put_again(std::size_t at, const T& value) noexcept {
    std::memcpy(begin_ + at, std::addressof(value), sizeof(T));
  }
  /// Forgets what was written after the first `to_size` bytes.
  void rewind(std::size_t to_size) noexcept {
    if (to_size < size()) at_ = begin_ + to_size;
  }
  /// Null where the message can carry nothing but bytes.
  [[nodiscard]] freight* beside() const noexcept { return more_.beside(); }

  /// For who wants to know how large the parts are: notes size() at each mark().
  void note_marks(std::vector<std::size_t>& sizes) noexcept { marks_ = &sizes; }
  void mark() {
    if (marks_) [[unlikely]]
      note_mark();
  }

 private:
  [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  PLAIT_API void grow(std::size_t more);
  PLAIT_API void note_mark();

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  byte_storage& more_;
  std::vector<std::size_t>* marks_ = nullptr;
};

/// From this size on, what fresh memory costs is its pages: a fault each, in a virtual machine longer than the copy
/// of what they hold. As large pages it is cheap.
inline constexpr std::size_t worth_large_pages = std::size_t{4} << 20;
/// Advice: of those bytes, which nobody has touched yet, the kernel takes what large pages fit into. Else nothing.
PLAIT_API void ask_for_large_pages(void* data, std::size_t size) noexcept;

/// Says how many bytes were wanted and how many were left.
[[noreturn]] PLAIT_API void throw_too_few_bytes(std::size_t wanted, std::size_t remaining);
[[noreturn]] PLAIT_API void throw_decode_error(const char* what);

class byte_reader {
 public:
  explicit byte_reader(std::span<const std::byte> bytes, freight* beside = nullptr) noexcept
      : at_(bytes.data()), end_(at_ + bytes.size()), beside_(beside) {}

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
  /// What came beside the bytes; null: nothing can have come.
  [[nodiscard]] freight* beside() const noexcept { return beside_; }
  /// All has been read: who was given what came beside the bytes is its only holder from now on.
  void let_go() noexcept {
    if (beside_) beside_->clear();
  }

 private:
  const std::byte* at_;
  const std::byte* end_;
  freight* beside_;
};

}  // namespace plait::inline PLAIT_ABI::detail
