// Memory that calls in worker processes are handed as it is, not copied.
//
//    the program                                                       a worker
//    ───────────                                                       ────────
//    shared_buffer ─┐                                                ┌─ shared_buffer
//    shared_buffer ─┴► mapping ──► the same pages, a sealed memfd ◄── mapping ◄┘
//                         └ descriptor ── SCM_RIGHTS, beside the call or its result ──► descriptor
//
// Guarantees
// - A buffer has no owner. Each process that holds it has one mapping and one descriptor of it, for all its holders;
//   each holder is counted there. The last to let go, or to die, anywhere, frees the pages: the kernel counts the
//   processes, however they end. No name, nothing left behind.
// - It goes anywhere in an argument, a result, a registered exception, a portable context variable or the arguments
//   of an initializer: alone, in containers, in users' types. No byte of it is copied on the way, and what is the
//   same buffer here is the same buffer there, also when it comes back.
// - A call is a holder until it is done, in the program; where it runs, until it drops its argument.
// - Threads are given the handle: one more holder.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace cereal {
class access;
}

namespace plait::inline PLAIT_ABI {

class shared_buffer;

namespace detail {

class byte_reader;
class byte_writer;
class shared_pages;

PLAIT_API void write_shared_buffer(byte_writer& to, const shared_buffer& buffer);
[[nodiscard]] PLAIT_API shared_buffer read_shared_buffer(byte_reader& from);

}  // namespace detail

/// Bytes in shared memory, by a counted handle: a copy is one more holder of the same bytes, and a const handle gives
/// bytes that may be written, as a std::span does. As an argument or a result of a call in a worker process it
/// travels by handle; a call may carry 1,000 different ones.
///
///     plait::shared_buffer pixels(width * height);
///     co_await plait::to_process(blur, pixels);  // void blur(plait::shared_buffer): writes to the same memory
///
/// What was written to it before a call is submitted is seen by the call; what the call wrote is seen by who has its
/// result. Beyond that plait orders nothing and locks nothing: bytes that one side writes while another reads or
/// writes them are a data race, between processes as between threads. Use std::atomic_ref, where it is lock-free, or
/// do not touch it while the call runs.
///
/// A process that was ever given a buffer can write to it for as long as it lives, whatever its code was to do. Who
/// does not trust the code of a worker treats what is in it as input that may change: copies it, then checks it, and
/// gives no buffer to two workers that must not see each other.
///
/// Each buffer takes a descriptor and a mapping in each process that holds it, and whole pages: what is small
/// is cheaper as a std::vector.
///
/// Thread safety: distinct handles, of one buffer too, may be used by several threads at once; one handle as a
/// std::shared_ptr.
class PLAIT_API shared_buffer {
 public:
  /// Empty: no memory, no descriptor.
  shared_buffer() noexcept = default;
  /// `bytes` bytes, all zero; 0 is empty. Its pages are allocated here: blocks for that long (a GiB: half a second).
  /// Throws std::system_error where memory or descriptors are exhausted, or a limit or a sandbox forbids it; it says
  /// which.
  explicit shared_buffer(std::size_t bytes);
  shared_buffer(const shared_buffer& other) = default;
  shared_buffer& operator=(const shared_buffer& other) = default;
  /// `other` is empty afterwards.
  shared_buffer(shared_buffer&& other) noexcept
      : pages_(std::move(other.pages_)), bytes_(std::exchange(other.bytes_, {})) {}
  shared_buffer& operator=(shared_buffer&& other) noexcept {
    auto held = std::move(other);
    std::swap(pages_, held.pages_);
    std::swap(bytes_, held.bytes_);
    return *this;
  }
  ~shared_buffer() = default;

  /// The bytes, at the begin of a page. Valid while this handle, or a copy of it in this process, lives.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::byte* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

  /// Whether they are handles of the same memory; empty ones are.
  [[nodiscard]] friend bool operator==(const shared_buffer& a, const shared_buffer& b) noexcept {
    return a.pages_ == b.pages_;
  }

 private:
  friend class cereal::access;
  friend void detail::write_shared_buffer(detail::byte_writer& to, const shared_buffer& buffer);
  friend shared_buffer detail::read_shared_buffer(detail::byte_reader& from);

  template <class Archive> void save(Archive& archive) const {
    static_assert(
        requires { archive.to; },
        "plait: a shared_buffer travels in calls to worker processes only; for any other "
        "archive write its bytes");
    detail::write_shared_buffer(archive.to, *this);
  }
  template <class Archive> void load(Archive& archive) { *this = detail::read_shared_buffer(archive.from); }

  std::shared_ptr<detail::shared_pages> pages_;
  std::span<std::byte> bytes_;
};

}  // namespace plait::inline PLAIT_ABI
