// Exceptions between processes.
//
// Standard exceptions and plait's own arrive as the type that was thrown; a user's type does where it is registered,
// in one line. Any other arrives as its nearest known base, and as remote_error, which has the name of the original.
#pragma once

#include <plait/core/config.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// What an exception of another process is where its type can't be made again here. It is thrown as a type that
/// derives from both this and the original's nearest known base (std::out_of_range, …; at least std::exception):
/// catch either. what() is the original's.
class PLAIT_API remote_error {
 public:
  explicit remote_error(std::string type_name) noexcept : type_name_(std::move(type_name)) {}
  remote_error(const remote_error&) = default;
  remote_error& operator=(const remote_error&) = default;
  virtual ~remote_error();
  /// The type that was thrown there, as it is written in C++.
  [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

 private:
  std::string type_name_;
};

namespace detail {

/// An exception that came from elsewhere, and the stack of where it was thrown: a line a frame, innermost first, each
/// module+offset (see readable_trace); empty where that is not known.
struct remote_exception_data {
  std::exception_ptr error;
  std::string trace;
};

/// Writes any exception; null too. An exception is written whole or not at all: throws where there is no memory, or
/// what a registered type's save throws, and has then written nothing.
PLAIT_API void encode_exception(byte_writer& to, const std::exception_ptr& error);
/// decode_error where the bytes are damaged; what a registered type's load throws.
[[nodiscard]] PLAIT_API remote_exception_data decode_exception(byte_reader& from);

/// The same where there must be one: decode_error for a null pointer.
[[nodiscard]] PLAIT_API remote_exception_data decode_thrown(byte_reader& from);

/// How deep this thread is inside of an exception that holds values that hold exceptions: each begins to read where
/// the one around it is, so that the depth of all together is limited.
struct exception_depth {
  int exceptions = 0;
  int values = 0;  ///< of input_archive
};
[[nodiscard]] PLAIT_API exception_depth& depth_here() noexcept;

/// From now on each throw of this thread notes its stack, or not, for encode_exception to send with the exception.
/// For workers: it costs some microseconds a throw.
PLAIT_API void capture_throws(bool on) noexcept;

enum class trace_detail : std::uint8_t { names, names_and_lines };
/// The functions' names and their source lines to the addresses of a trace, from the symbols and the debug
/// information of the modules that are loaded here: "f(int) at file.cpp:12 in program+0x1234". Reads files: it is
/// meant for whoever looks at a trace, not for each exception.
[[nodiscard]] PLAIT_API std::string readable_trace(const std::string& trace,
                                                   trace_detail how = trace_detail::names_and_lines);

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
