// The value that a worker gave for a call's: a result, or decode_error, and nothing else. What was read is written,
// read and written again as the same bytes, beside the same shared buffers.
#include <plait/core/errors.hpp>
#include <plait/portable/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "buffers.hpp"
#include "input.hpp"
#include "results.hpp"

namespace {

using plait::detail::byte_reader;
using plait::detail::byte_writer;
using plait::detail::freight;

template <class T> fuzz::message written(const T& value) {
  return fuzz::written_by([&](byte_writer& to) { plait::detail::result_codec<T>::encode(to, value); });
}

template <class T> T read(std::span<const std::byte> bytes, freight beside) {
  byte_reader from(bytes, &beside);
  T value = plait::detail::result_codec<T>::decode(from);
  fuzz::require(from.remaining() <= bytes.size(), "a reader stays within what it was given");
  return value;
}

template <class T> void read_hostile(std::span<const std::byte> bytes) {
  std::optional<T> value;
  try {
    value.emplace(read<T>(bytes, fuzz::buffers_beside()));
  } catch (const plait::decode_error&) {
    return;
  }
  const auto once = written(*value);
  const auto twice = written(read<T>(once.bytes, once.beside));
  fuzz::require(once.bytes.size() == twice.bytes.size(), "what was written and read again takes as many bytes");
  if constexpr (fuzz::ordered<T>) fuzz::require(once == twice, "what was written and read again is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const auto kind = in.byte();
  fuzz::with_kind_of_result(kind, [&]<class T>() { read_hostile<T>(in.rest()); });
  return 0;
}
