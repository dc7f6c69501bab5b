// An exception on the wire:
//
//   there     0 for a null pointer: nothing follows
//   nested    the same again, of what std::throw_with_nested put into it
//   kind, then what it is made from:
//     standard      which, its what(), and what else that type has (internal/standard_exceptions.hpp)
//     remote        the original's name, then as standard, of its nearest base
//     registered    its name, then what its codec wrote
//     cancelled, integer, c_string, string
//
// and once, behind the outermost, where that was thrown.
#include <plait/portable/codec.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/exception_registry.hpp>
#include <plait/portable/internal/standard_exceptions.hpp>
#include <plait/portable/internal/throw_trace.hpp>

#include <cstdint>
#include <cstdlib>
#include <utility>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI {

remote_error::~remote_error() = default;

namespace detail {

namespace {

enum class kind : std::uint8_t { standard, remote, registered, cancelled, integer, c_string, string };

/// A chain of nested exceptions is cut here.
constexpr int deepest_nested = 64;

/// What is read or written meanwhile lies inside of an exception at this depth.
class inside_exception {
 public:
  explicit inside_exception(int depth) noexcept { depth_here().exceptions = depth + 1; }
  inside_exception(const inside_exception&) = delete;
  inside_exception& operator=(const inside_exception&) = delete;
  ~inside_exception() { depth_here().exceptions = before_; }

 private:
  const int before_ = depth_here().exceptions;
};

constexpr auto places = std::make_index_sequence<std::tuple_size_v<standard_exceptions>>();
constexpr std::uint8_t last_place = std::tuple_size_v<standard_exceptions> - 1;  // std::exception

// ── writing ──

/// look(its place, the exception as that type) with the nearest of standard_exceptions.
template <class Look, std::size_t... I>
void look_at_nearest(const std::exception& e, const Look& look, std::index_sequence<I...> /*places*/) {
  const auto try_one = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
    const auto* const nearest = dynamic_cast<const std::tuple_element_t<N, standard_exceptions>*>(&e);
    if (nearest != nullptr) look(static_cast<std::uint8_t>(N), *nearest);
    return nearest != nullptr;
  };
  (try_one(std::integral_constant<std::size_t, I>()) || ...);
}

void write_standard_kind(byte_writer& to, const std::exception& e, int depth) {
  const auto* const from_elsewhere = dynamic_cast<const remote_error*>(&e);
  const std::string name = from_elsewhere != nullptr ? from_elsewhere->type_name() : name_of_thrown(typeid(e));
  look_at_nearest(
      e,
      [&]<class E>(std::uint8_t place, const E& nearest) {
        if (from_elsewhere == nullptr && name == demangle(typeid(E).name())) {
          to.put(kind::standard);
        } else {
          to.put(kind::remote);
          write_text(to, name);
        }
        to.put(place);
        const char* const what = e.what();
        write_text(to, what != nullptr ? what : "");
        write_standard(to, nearest, depth);
      },
      places);
}

void write_foreign_kind(byte_writer& to, const std::string& type) {
  to.put(kind::remote);
  write_text(to, type);
  to.put(last_place);
  write_text(to, "an exception that is no std::exception, of type " + type);
}

bool write_registered_kind(byte_writer& to, const std::exception_ptr& error, const std::type_info& type, int depth) {
  const std::string name = name_of_thrown(type);
  const auto codec = find_exception_codec(name);
  if (!codec) return false;
  to.put(kind::registered);
  write_text(to, name);
  const inside_exception here(depth);
  codec->encode(to, error);
  return true;
}

/// What is handled just now, and is no std::exception.
void write_other_kind(byte_writer& to, const std::exception_ptr& error, int depth) {
  const auto* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return write_foreign_kind(to, "of another language");
  if (write_registered_kind(to, error, *type, depth)) return;
  try {
    throw;
  } catch (const cancelled_error&) {
    to.put(kind::cancelled);
  } catch (int number) {
    to.put(kind::integer);
    to.put(number);
  } catch (const char* text) {
    to.put(kind::c_string);
    write_text(to, text != nullptr ? text : "");
  } catch (const std::string& text) {
    to.put(kind::string);
    write_text(to, text);
  } catch (...) {
    write_foreign_kind(to, demangle(type->name()));
  }
}

// ── reading: what is thrown here is damage, what is returned came ──

/// make(std::type_identity<E>()) with the one at this place.
template <class Make, std::size_t... I>
std::exception_ptr make_standard(std::uint8_t place, const Make& make, std::index_sequence<I...> /*places*/) {
  std::exception_ptr made;
  ((place == I ? void(made = make(std::type_identity<std::tuple_element_t<I, standard_exceptions>>())) : void()),
   ...);
  if (!made) throw_decode_error("an exception is of no known type");
  return made;
}

std::exception_ptr read_standard_kind(byte_reader& from, const std::string* name, const std::exception_ptr& nested,
                                      int depth) {
  const auto place = from.get<std::uint8_t>();
  const std::string what = read_c_string(from);
  return make_standard(
      place,
      [&]<class E>(std::type_identity<E>) {
        return read_standard<E>(from, what, depth, [&](const auto&... parts) {
          if (name != nullptr) return exception_with(remote<E>(*name, what, parts...), nested);
          if constexpr (std::is_same_v<E, std::bad_variant_access>)
            return exception_with(bad_variant_access_that_says(what), nested);
          else if constexpr (std::is_same_v<E, std::regex_error>)
            return exception_with(regex_error_that_says(parts..., what), nested);
          else
            return exception_with(E(parts...), nested);
        });
      },
      places);
}

std::exception_ptr read_kind(byte_reader& from, const std::exception_ptr& nested, int depth) {
  switch (from.get<kind>()) {
    case kind::standard:
      return read_standard_kind(from, nullptr, nested, depth);
    case kind::remote: {
      const std::string name = read_text(from);
      return read_standard_kind(from, &name, nested, depth);
    }
    case kind::registered: {
      const std::string name = read_text(from);
      const auto codec = find_exception_codec(name);
      if (!codec) throw decode_error("plait: an exception came of type " + name + ", which is not registered here");
      const inside_exception here(depth);
      return codec->decode(from, nested);
    }
    case kind::cancelled:
      return std::make_exception_ptr(cancelled_error());
    case kind::integer:
      return std::make_exception_ptr(from.get<int>());
    case kind::c_string:
      return std::make_exception_ptr(kept_for_good(read_c_string(from)));
    case kind::string:
      return std::make_exception_ptr(read_text(from));
  }
  throw_decode_error("an exception is of no known kind");
}

}  // namespace

void write_nested(byte_writer& to, const std::exception_ptr& error, int depth) {
  const bool there = error && depth <= deepest_nested;
  to.put(static_cast<std::uint8_t>(there));
  if (!there) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    const auto* const holder = dynamic_cast<const std::nested_exception*>(&e);
    write_nested(to, holder != nullptr ? holder->nested_ptr() : nullptr, depth + 1);
    if (!write_registered_kind(to, error, typeid(e), depth)) write_standard_kind(to, e, depth);
  } catch (...) {
    write_nested(to, nullptr, depth + 1);
    write_other_kind(to, error, depth);
  }
}

std::exception_ptr read_nested(byte_reader& from, int depth) {
  if (depth > deepest_nested + 1) throw_decode_error("exceptions are nested too deeply");
  if (from.get<std::uint8_t>() == 0) return nullptr;
  const auto nested = read_nested(from, depth + 1);
  return read_kind(from, nested, depth);
}

void encode_exception(byte_writer& to, const std::exception_ptr& error) {
  const std::size_t before = to.size();
  try {
    write_nested(to, error, depth_here().exceptions);
    write_text(to, trace_of(error));
  } catch (...) {
    to.rewind(before);
    throw;
  }
}

remote_exception_data decode_exception(byte_reader& from) {
  auto error = read_nested(from, depth_here().exceptions);
  return {std::move(error), read_text(from)};
}

remote_exception_data decode_thrown(byte_reader& from) {
  auto came = decode_exception(from);
  if (!came.error) throw_decode_error("what was thrown is no exception");
  return came;
}

exception_depth& depth_here() noexcept {
  thread_local exception_depth here;
  return here;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
