// A buffer in a message: its size, and, where that is not 0, its place in the freight.
#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>
#include <plait/processes/internal/shared_pages.hpp>
#include <plait/processes/shared_array.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <cstdint>
#include <string>

#include <unistd.h>

namespace plait::inline PLAIT_ABI {

shared_buffer::shared_buffer(std::size_t bytes) {
  if (bytes == 0) return;
  pages_ = detail::shared_pages::create(bytes);
  bytes_ = pages_->bytes().first(bytes);
}

namespace detail {

void write_shared_buffer(byte_writer& to, const shared_buffer& buffer) {
  to.put(static_cast<std::uint64_t>(buffer.size()));
  if (buffer.empty()) return;
  auto* const beside = to.beside();
  if (beside == nullptr) {
    throw not_portable(
        "plait: a shared_buffer goes along with calls to worker processes only, and this is written for "
        "something else; pass its bytes");
  }
  to.put(beside->add(buffer.pages_));
}

shared_buffer read_shared_buffer(byte_reader& from) {
  shared_buffer made;
  const auto size = from.get<std::uint64_t>();
  if (size == 0) return made;
  const auto place = from.get<std::uint32_t>();
  auto pages = from.beside() == nullptr ? nullptr : std::dynamic_pointer_cast<shared_pages>(from.beside()->at(place));
  if (!pages) throw_decode_error("a shared buffer has not come with it");
  const auto there = pages->bytes().size();
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (size > there || there - size >= page)
    throw_decode_error("a shared buffer is of another size than it is said to be");
  made.bytes_ = pages->bytes().first(static_cast<std::size_t>(size));
  made.pages_ = std::move(pages);
  return made;
}

void throw_no_whole_elements(std::size_t bytes, std::size_t element) {
  throw decode_error("plait: a shared array came in " + std::to_string(bytes) +
                     " bytes, which is no whole number of elements of " + std::to_string(element));
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
