#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <string>

#include <sys/mman.h>

namespace plait::inline PLAIT_ABI::detail {

byte_storage::~byte_storage() = default;
freight* byte_storage::beside() noexcept { return nullptr; }
heap_storage::~heap_storage() = default;
freight* heap_storage::beside() noexcept { return beside_; }

std::span<std::byte> heap_storage::grow(std::span<const std::byte> so_far, std::size_t at_least) {
  constexpr std::size_t smallest = 256;
  const std::size_t doubled = size_ <= std::numeric_limits<std::size_t>::max() / 2 ? size_ * 2 : size_;
  const std::size_t size = std::max({smallest, doubled, at_least});
  auto bigger = std::make_unique_for_overwrite<std::byte[]>(size);
  std::ranges::copy(so_far, bigger.get());
  memory_ = std::move(bigger);
  size_ = size;
  return memory();
}

void byte_writer::grow(std::size_t more) {
  const std::size_t written = size();
  if (more > std::numeric_limits<std::size_t>::max() - written) throw std::bad_alloc();
  const auto bigger = more_.grow(bytes(), written + more);
  begin_ = bigger.data();
  at_ = begin_ + written;
  end_ = begin_ + bigger.size();
}

void byte_writer::note_mark() { marks_->push_back(size()); }

void ask_for_large_pages(void* data, std::size_t size) noexcept {
  constexpr std::uintptr_t large_page = std::uintptr_t{2} << 20;  // with pages of 4 KiB; with others a mere border
  const auto begin = reinterpret_cast<std::uintptr_t>(data), end = begin + size;
  const auto first = (begin + large_page - 1) / large_page * large_page, last = end / large_page * large_page;
  if (first < last) ::madvise(static_cast<std::byte*>(data) + (first - begin), last - first, MADV_HUGEPAGE);
}

void throw_too_few_bytes(std::size_t wanted, std::size_t remaining) {
  throw decode_error("plait: a message from another process ends too early: " + std::to_string(wanted) +
                     " more bytes expected, " + std::to_string(remaining) + " are left");
}

void throw_decode_error(const char* what) {
  throw decode_error(std::string("plait: a message from another process is damaged: ") + what);
}

}  // namespace plait::inline PLAIT_ABI::detail
