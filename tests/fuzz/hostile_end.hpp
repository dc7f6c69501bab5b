// A worker's end of a link, that keeps no rule.
#pragma once

#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/shared_memory.hpp>
#include <plait/processes/internal/wire.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace fuzz {

namespace pd = plait::detail;

/// The memory as the worker has it. Every write may race with the parent's reading: so byte by byte through volatile,
/// which no compiler and no sanitizer takes for more than it is.
class hostile_end {
 public:
  hostile_end(int memory, int control)
      : control_(::fcntl(control, F_DUPFD_CLOEXEC, 3)),
        mapping_(pd::shared_memory::map(pd::unique_fd(::fcntl(memory, F_DUPFD_CLOEXEC, 3)))),
        memory_(std::launder(reinterpret_cast<pd::link_memory*>(mapping_.bytes().data()))) {}

  [[nodiscard]] pd::link_memory& memory() const noexcept { return *memory_; }
  [[nodiscard]] std::size_t size() const noexcept { return mapping_.bytes().size(); }

  void write(std::size_t at, const void* from, std::size_t size) const noexcept {
    auto* const to = reinterpret_cast<volatile unsigned char*>(mapping_.bytes().data());
    for (std::size_t i = 0; i < size && at + i < this->size(); ++i)
      to[at + i] = static_cast<const unsigned char*>(from)[i];
  }
  void write_reply(std::uint64_t position, const pd::reply_header& header) const noexcept {
    write(offsetof(pd::link_memory, replies) + position % pd::reply_ring_bytes, &header, sizeof(header));
  }

  void give_back_pages(std::size_t first, std::size_t count) const noexcept {
    constexpr std::size_t page = 4096;
    ::fallocate(mapping_.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first * page % size()),
                static_cast<off_t>((count + 1) * page));
  }

  // ── its end of the control socket ──

  void take_message() const {
    std::byte bytes[64];
    static_cast<void>(pd::receive_message(control_.get(), bytes));  // and closes what came with it
  }
  /// False where the parent's socket has no room, or takes no such descriptors.
  [[nodiscard]] bool send(std::span<const std::byte> bytes, std::span<const int> descriptors) const noexcept {
    return pd::send_message(control_.get(), bytes, descriptors) == 0;
  }
  void leave() noexcept { control_.reset(); }

 private:
  pd::unique_fd control_;
  pd::shared_memory mapping_;
  pd::link_memory* memory_;
};

/// Writes the same things again and again until its end.
class rewriter {
 public:
  struct change {
    std::size_t at;
    std::uint64_t what;
  };

  rewriter(const hostile_end& end, std::vector<change> changes)
      : thread_([this, &end, changes = std::move(changes)] {
          do {
            for (const auto& each : changes) end.write(each.at, &each.what, sizeof(each.what));
            begun_.store(true, std::memory_order_release);
          } while (!over_.load(std::memory_order_relaxed));
        }) {
    while (!begun_.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  rewriter(const rewriter&) = delete;
  rewriter& operator=(const rewriter&) = delete;
  ~rewriter() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> begun_{false};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace fuzz
