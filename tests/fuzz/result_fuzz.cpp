// The value that a worker gave for a call's: a result, or decode_error, and nothing else. What was read is written,
// read and written again as the same bytes.
#include <plait/core/errors.hpp>
#include <plait/portable/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "input.hpp"
#include "results.hpp"

namespace {

using plait::detail::byte_reader;
using plait::detail::byte_writer;
using plait::detail::heap_storage;

template <class T> std::vector<std::byte> written(const T& value) {
  heap_storage memory;
  byte_writer to({}, memory);
  plait::detail::result_codec<T>::encode(to, value);
  return {to.bytes().begin(), to.bytes().end()};
}

template <class T> T read(std::span<const std::byte> bytes) {
  byte_reader from(bytes);
  T value = plait::detail::result_codec<T>::decode(from);
  fuzz::require(from.remaining() <= bytes.size(), "a reader stays within what it was given");
  return value;
}

template <class T> void read_hostile(std::span<const std::byte> bytes) {
  std::optional<T> value;
  try {
    value.emplace(read<T>(bytes));
  } catch (const plait::decode_error&) {
    return;
  }
  const auto once = written(*value);
  const auto twice = written(read<T>(once));
  fuzz::require(once.size() == twice.size(), "what was written and read again takes as many bytes");
  if constexpr (fuzz::ordered<T>) fuzz::require(once == twice, "what was written and read again is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const auto kind = in.byte();
  fuzz::with_kind_of_result(kind, [&]<class T>() { read_hostile<T>(in.rest()); });
  return 0;
}
