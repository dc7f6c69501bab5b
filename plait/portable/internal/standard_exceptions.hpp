// The exceptions that plait knows: the standard library's and its own. What each is written as, and made from again.
#pragma once

#include <plait/core/context_var.hpp>
#include <plait/core/errors.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/text.hpp>

#include <any>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <variant>

namespace plait::inline PLAIT_ABI::detail {

/// Each before its bases: the first that an exception is (or derives from) is the nearest.
using standard_exceptions =
    std::tuple<loop_closed_error, no_running_loop_error, no_context_value_error, cyclic_await_error,
               invalid_state_error, broken_promise, not_portable, timeout_error, shut_down_error, broken_executor,
               queue_full, decode_error, interrupted_error,                                                 //
               std::filesystem::filesystem_error, std::ios_base::failure, std::system_error,                //
               std::future_error, std::regex_error,                                                         //
               std::domain_error, std::invalid_argument, std::length_error, std::out_of_range,              //
               std::logic_error, std::range_error, std::overflow_error, std::underflow_error,               //
               std::runtime_error,                                                                          //
               std::bad_array_new_length, std::bad_alloc, std::bad_any_cast, std::bad_cast,                 //
               std::bad_typeid, std::bad_function_call, std::bad_optional_access, std::bad_variant_access,  //
               std::bad_weak_ptr, std::bad_exception, std::exception>;

void write_nested(byte_writer& to, const std::exception_ptr& error, int depth);
[[nodiscard]] std::exception_ptr read_nested(byte_reader& from, int depth);

void write_code(byte_writer& to, const std::error_code& code);
[[nodiscard]] std::error_code read_code(byte_reader& from);
/// std::system_error appends ": " and the code's message to what it is given.
[[nodiscard]] std::string_view without_message_of(const std::error_code& code, std::string_view what);
/// Its reason can't be given to it: where that is one that the library has, it is provoked.
[[nodiscard]] std::bad_variant_access bad_variant_access_that_says(std::string_view what);
/// Nor can its text, where that is more than what the code means.
[[nodiscard]] std::regex_error regex_error_that_says(std::regex_constants::error_type code, const std::string& what);
/// A thrown char* points to what is never freed. At most 1000 different ones of at most 1 KiB; null beyond that.
[[nodiscard]] const char* kept_for_good(const std::string& text);

/// An exception of another process whose type is not known here: E is the nearest that is.
template <class E> class remote : public E, public remote_error {
 public:
  template <class... Args>
  explicit remote(std::string type_name, std::string what, Args&&... args)
      : E(std::forward<Args>(args)...), remote_error(std::move(type_name)), what_(std::move(what)) {}
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

template <class E> void write_standard(byte_writer& to, const E& e, int depth) {
  if constexpr (std::is_base_of_v<std::system_error, E>) {
    const std::string_view said = static_cast<const std::system_error&>(e).std::system_error::what();
    write_code(to, e.code());
    to.put(static_cast<std::uint8_t>(said != e.code().message()));  // was it given a text?
    write_text(to, without_message_of(e.code(), said));
    if constexpr (std::is_same_v<E, std::filesystem::filesystem_error>) {
      write_text(to, e.path1().native());
      write_text(to, e.path2().native());
    }
  } else if constexpr (std::is_same_v<E, std::future_error>) {
    to.put(std::int32_t{e.code().value()});
  } else if constexpr (std::is_same_v<E, std::regex_error>) {
    to.put(static_cast<std::int32_t>(e.code()));
  } else if constexpr (std::is_same_v<E, broken_executor>) {
    write_nested(to, e.cause(), depth + 1);
  }
}

/// make(…) with what E is constructed from.
template <class E, class Make>
std::exception_ptr read_standard(byte_reader& from, const std::string& what, int depth, const Make& make) {
  if constexpr (std::is_base_of_v<std::system_error, E>) {
    const auto code = read_code(from);
    [[maybe_unused]] const bool has_message = from.get<std::uint8_t>() != 0;
    const std::string message = read_c_string(from);
    if constexpr (std::is_same_v<E, std::filesystem::filesystem_error>) {
      const std::filesystem::path first = read_text(from), second = read_text(from);
      // How many paths it was given shows in what it says.
      if (!second.empty() || what.ends_with(" []")) return make(message, first, second, code);
      return first.empty() ? make(message, code) : make(message, first, code);
    } else if constexpr (std::is_same_v<E, std::system_error>) {
      return has_message ? make(code, message) : make(code);
    } else {
      return make(message, code);
    }
  } else if constexpr (std::is_same_v<E, std::future_error>) {
    return make(static_cast<std::future_errc>(from.get<std::int32_t>()));
  } else if constexpr (std::is_same_v<E, std::regex_error>) {
    const auto code = from.get<std::int32_t>();
    if (code < 0 || code > 15) throw_decode_error("a regex_error has no code of a regex_error");  // the enum's values
    return make(static_cast<std::regex_constants::error_type>(code));
  } else if constexpr (std::is_same_v<E, broken_executor>) {
    const auto cause = read_nested(from, depth + 1);
    return make(what, cause);
  } else if constexpr (std::is_constructible_v<E, const std::string&>) {
    return make(what);
  } else {
    return make();
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
