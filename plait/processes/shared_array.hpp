// An array in shared memory: see shared_buffer.hpp.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {
/// decode_error.
[[noreturn]] PLAIT_API void throw_no_whole_elements(std::size_t bytes, std::size_t element);
}  // namespace detail

/// A shared_buffer of `size()` elements: goes to and from calls in worker processes by handle, and is not copied. A
/// copy is one more holder of the same elements; a const handle gives elements that may be written. It converts to
/// std::span<T>, so that a function which takes a span can be called with it:
///
///     void scale(std::span<double> values);
///     plait::shared_array<double> samples(10'000'000);
///     co_await plait::to_process(scale, samples);
///
/// T is trivially copyable, and no pointer: a pointer means nothing in another process. (Pointers inside a T are not
/// found.) Everything else is as in shared_buffer: who sees what when, thread safety, errors.
template <class T> class shared_array {
  static_assert(std::is_trivially_copyable_v<T>,
                "plait::shared_array<T>: T must be trivially copyable; its elements are never copied or constructed, "
                "only shared as bytes");
  static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
                "plait::shared_array<T>: a pointer means nothing in another process; use indices");
  static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                "plait::shared_array<T>: leave out const and volatile; take a std::span<const T> of it");
  static_assert(alignof(T) <= 4096, "plait::shared_array<T>: T is aligned to more than a page");

 public:
  using value_type = T;
  using size_type = std::size_t;
  using iterator = T*;
  using goes_by_handle = void;  ///< a bound on queued bytes (max_pending_bytes) does not count its elements

  shared_array() noexcept = default;
  /// `size` elements, all bytes of which are zero. Throws std::invalid_argument where no memory is so large, and as
  /// shared_buffer does. Blocks as shared_buffer does.
  explicit shared_array(std::size_t size) : memory_(bytes_for(size)) {}
  /// The elements that fill a buffer: one more holder of it. Throws std::invalid_argument where its size is no whole
  /// number of them.
  explicit shared_array(shared_buffer memory) : memory_(std::move(memory)) {
    if (memory_.size() % sizeof(T) != 0)
      detail::throw_invalid_argument("memory", std::to_string(memory_.size()) + " bytes",
                                     "a multiple of " + std::to_string(sizeof(T)) + ", the size of an element");
  }

  [[nodiscard]] T* data() const noexcept { return reinterpret_cast<T*>(memory_.data()); }
  [[nodiscard]] std::size_t size() const noexcept { return memory_.size() / sizeof(T); }
  [[nodiscard]] bool empty() const noexcept { return memory_.empty(); }
  /// Not checked, as a std::span's.
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
  [[nodiscard]] T& front() const noexcept { return *data(); }
  [[nodiscard]] T& back() const noexcept { return data()[size() - 1]; }
  [[nodiscard]] T* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() const noexcept { return data() + size(); }
  /// Valid while a handle of this memory lives in this process.
  operator std::span<T>() const noexcept { return {data(), size()}; }
  operator std::span<const T>() const noexcept { return {data(), size()}; }

  [[nodiscard]] const shared_buffer& buffer() const noexcept { return memory_; }
  /// Whether they are handles of the same memory.
  [[nodiscard]] friend bool operator==(const shared_array& a, const shared_array& b) noexcept = default;

 private:
  friend class cereal::access;

  [[nodiscard]] static std::size_t bytes_for(std::size_t size) {
    constexpr auto most = std::numeric_limits<std::size_t>::max() / sizeof(T);
    if (size > most) detail::throw_invalid_argument("size", std::to_string(size), "at most " + std::to_string(most));
    return size * sizeof(T);
  }

  template <class Archive> void save(Archive& archive) const { archive(memory_); }
  template <class Archive> void load(Archive& archive) {
    shared_buffer came;
    archive(came);
    if (came.size() % sizeof(T) != 0) detail::throw_no_whole_elements(came.size(), sizeof(T));
    memory_ = std::move(came);
  }

  shared_buffer memory_;
};

}  // namespace plait::inline PLAIT_ABI
