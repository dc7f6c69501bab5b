#include <plait/core/errors.hpp>
#include <plait/portable/exceptions.hpp>

#include <exception>
#include <filesystem>
#include <future>
#include <ios>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "buffers.hpp"
#include "results.hpp"
#include "seeds.hpp"

namespace fuzz {

namespace pd = plait::detail;

namespace {

struct of_no_known_type : std::length_error {
  using std::length_error::length_error;
};

template <class Outer> std::exception_ptr nested(Outer outer) {
  try {
    try {
      throw std::runtime_error("inner");
    } catch (...) {
      std::throw_with_nested(std::move(outer));
    }
  } catch (...) {
    return std::current_exception();
  }
}

template <class E> std::exception_ptr valueless_variant() {
  try {
    static_cast<void>(std::get<E>(std::variant<std::monostate, E>()));
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

void write_exceptions(const folder& to) {
  namespace fs = std::filesystem;
  const auto one = [&](const char* name, const std::exception_ptr& error) {
    to.write(name, written_by([&](pd::byte_writer& bytes) { pd::encode_exception(bytes, error); }).bytes);
  };
  const auto of = [&]<class E>(const char* name, E error) { one(name, std::make_exception_ptr(std::move(error))); };
  of("with_a_text", std::invalid_argument("what"));
  of("without_a_text", std::bad_alloc());
  of("of_plait", plait::timeout_error("late"));
  of("with_a_cause", plait::broken_executor("broken", std::make_exception_ptr(std::domain_error("why"))));
  of("system_error", std::system_error(ENOENT, std::system_category(), "open"));
  of("system_error_without_a_text", std::system_error(ENOENT, std::generic_category()));
  of("ios_failure", std::ios_base::failure("no", std::io_errc::stream));
  of("filesystem_error", fs::filesystem_error("no", std::error_code(ENOENT, std::system_category())));
  of("filesystem_error_one_path", fs::filesystem_error("no", "/a", std::error_code(ENOENT, std::system_category())));
  of("filesystem_error_two_paths",
     fs::filesystem_error("no", "/a", "/b", std::error_code(ENOENT, std::system_category())));
  of("future_error", std::future_error(std::future_errc::no_state));
  of("regex_error", std::regex_error(std::regex_constants::error_brack));
  one("bad_variant_access", valueless_variant<int>());
  of("not_known", of_no_known_type("long"));
  of("registered", thrown_with_parts{"outer", std::make_exception_ptr(thrown_with_text("inner"))});
  of("registered_by_text", thrown_with_text("text"));
  of("registered_with_buffer", thrown_with_buffer{"here it is", plait::shared_buffer(4096)});
  of("cancelled", plait::cancelled_error());
  of("integer", 7);
  of("c_string", static_cast<const char*>("text"));
  of("string", text("text"));
  of("anything", 1.5);
  one("none", nullptr);
  one("nested", nested(std::runtime_error("outer")));
  one("nested_registered", nested(thrown_with_text("outer")));
  pd::capture_throws(true);
  one("with_a_trace", nested(std::logic_error("traced")));
  pd::capture_throws(false);
}

}  // namespace fuzz
