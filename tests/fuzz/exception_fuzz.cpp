// What a worker says that its call threw: an exception, or decode_error, and nothing else. It says something, its
// trace can be read, and it can go to a third process.
#include <plait/core/errors.hpp>
#include <plait/portable/exceptions.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include "buffers.hpp"
#include "input.hpp"
#include "results.hpp"

namespace {

using plait::detail::byte_reader;
using plait::detail::byte_writer;

fuzz::message written(const std::exception_ptr& error) {
  return fuzz::written_by([&](byte_writer& to) { plait::detail::encode_exception(to, error); });
}

std::exception_ptr read(const fuzz::message& sent) {
  auto beside = sent.beside;
  byte_reader from(sent.bytes, &beside);
  return plait::detail::decode_exception(from).error;
}

// A future that holds it can be asked for it.
void look_at(const std::exception_ptr& error) {
  fuzz::require(error != nullptr, "what was thrown is there");
  static_cast<void>(plait::detail::describe(error));
  try {
    std::rethrow_exception(error);
  } catch (const plait::remote_error& remote) {
    fuzz::require(remote.type_name().size() < SIZE_MAX, "it has a name");
  } catch (...) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  plait::detail::remote_exception_data came;
  try {
    auto beside = fuzz::buffers_beside();
    byte_reader from(std::as_bytes(std::span(data, size)), &beside);
    came = plait::detail::decode_thrown(from);
  } catch (const plait::decode_error&) {
    return 0;
  }
  look_at(came.error);
  static_cast<void>(plait::detail::readable_trace(came.trace));
  const auto once = written(came.error);
  const auto twice = written(read(once));
  fuzz::require(once == twice, "what was sent on arrives as what it was");
  return 0;
}
