#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

byte_storage::~byte_storage() = default;
heap_storage::~heap_storage() = default;

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

void throw_too_few_bytes(std::size_t wanted, std::size_t remaining) {
  throw decode_error("plait: a message from another process ends too early: " + std::to_string(wanted) +
                     " more bytes expected, " + std::to_string(remaining) + " are left");
}

void throw_decode_error(const char* what) {
  throw decode_error(std::string("plait: a message from another process is damaged: ") + what);
}

}  // namespace plait::inline PLAIT_ABI::detail
