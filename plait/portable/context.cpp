// A context as bytes: how many values; of each the variable's name, the number of its bytes, and those.
#include <plait/core/errors.hpp>
#include <plait/portable/context.hpp>
#include <plait/portable/errors.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// The portable variables of this process.
class known_variables {
 public:
  void add(const counted_pointer<context_key>& variable) {
    const std::scoped_lock lock(mutex_);
    variables_.push_back(variable);
  }
  void remove(const context_key& variable) noexcept {
    const std::scoped_lock lock(mutex_);
    std::erase_if(variables_, [&](const auto& each) { return each.get() == &variable; });
  }
  [[nodiscard]] std::vector<counted_pointer<context_key>> named(std::string_view name) const {
    std::vector<counted_pointer<context_key>> found;
    const std::scoped_lock lock(mutex_);
    std::ranges::copy_if(variables_, std::back_inserter(found), [&](const auto& each) { return each->name == name; });
    return found;
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::vector<counted_pointer<context_key>> variables_;
};

// Never destroyed: variables go after it, and calls are still sent. Whoever forks has its lock, so that no thread has
// it in the child for ever.
known_variables& variables() {
  static auto& known = *[] {
    pthread_atfork([] { variables().lock(); }, [] { variables().unlock(); }, [] { variables().unlock(); });
    return new known_variables();
  }();
  return known;
}

std::string the_variable(std::string_view name) { return "the context variable \"" + std::string(name) + "\""; }

std::string several_of(std::string_view name) {
  return "plait: there are several portable context variables named \"" + std::string(name) +
         "\", and processes know them by their names; give each a name of its own";
}

// Gone variables' values are nobody's.
std::vector<const context_map::entry*> what_travels(const context_map& from) {
  std::vector<const context_map::entry*> found;
  for (const auto& each : from.entries) {
    if (!each.variable->traveler) continue;
    const auto namesakes = variables().named(each.variable->name);
    if (std::ranges::find(namesakes, each.variable) == namesakes.end()) continue;
    if (namesakes.size() > 1) throw not_portable(several_of(each.variable->name));
    found.push_back(&each);
  }
  return found;
}

void put_text(byte_writer& to, std::string_view text) {
  to.put(static_cast<std::uint32_t>(text.size()));
  to.write(text.data(), text.size());
}
std::string get_text(byte_reader& from) {
  const auto text = from.take(from.get<std::uint32_t>());
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

}  // namespace

void announce_portable(const counted_pointer<context_key>& variable) { variables().add(variable); }
void forget_portable(const context_key& variable) noexcept { variables().remove(variable); }

bool encode_context(byte_writer& to, const context_copy& from) {
  if (!from) return false;
  const auto traveling = what_travels(*from);
  if (traveling.empty()) return false;
  to.put(static_cast<std::uint32_t>(traveling.size()));
  for (const auto* const each : traveling) {
    heap_storage memory(to.beside());
    byte_writer value({}, memory);
    try {
      each->variable->traveler->encode(value, *each->value);
    } catch (...) {
      throw not_portable("plait: the value of " + the_variable(each->variable->name) +
                         " could not be written down for another process: " + describe(caught_exception()));
    }
    put_text(to, each->variable->name);
    to.put(static_cast<std::uint64_t>(value.size()));
    to.write(value.bytes().data(), value.size());
  }
  return true;
}

context_copy decode_context(byte_reader& from) {
  context_copy made;
  for (auto left = from.get<std::uint32_t>(); left > 0; --left) {
    const auto name = get_text(from);
    byte_reader bytes(from.take(static_cast<std::size_t>(from.get<std::uint64_t>())), from.beside());
    const auto found = variables().named(name);
    if (found.size() > 1) throw decode_error(several_of(name));
    if (found.empty())
      throw decode_error("plait: the worker does not know " + the_variable(name) +
                         "; a portable context variable must exist before main begins, at namespace scope");
    counted_pointer<context_value> value;
    try {
      value = found.front()->traveler->decode(bytes);
      if (bytes.remaining() != 0) throw_decode_error("bytes are left behind it");
    } catch (...) {
      throw decode_error("plait: the value of " + the_variable(name) +
                         " could not be read in the worker: " + describe(caught_exception()));
    }
    made = with_value(made, found.front(), std::move(value));
  }
  return made;
}

}  // namespace plait::inline PLAIT_ABI::detail
