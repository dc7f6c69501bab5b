#include <plait/portable/archive.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

// Here and not in the class: cereal's tables are set up by much code, which everybody's compiler would read again.
output_archive::output_archive(byte_writer& to) : base(this), to(to) {}
output_archive::~output_archive() = default;
input_archive::input_archive(byte_reader& from, int depth) : base(this), from(from), depth_(depth) {}
input_archive::~input_archive() = default;

void throw_nested_too_deep() {
  throw decode_error("plait: values are nested deeper than " + std::to_string(deepest_nesting) +
                     " levels (a long chain of pointers?); pass a container of the elements instead");
}

std::shared_ptr<void> input_archive::find_shared(std::uint32_t id, const std::type_info& type) const {
  const auto found = shared_.find(id);
  if (found == shared_.end()) throw_decode_error("a shared pointer refers to an object that did not come");
  if (*found->second.type != type) throw_decode_error("a shared pointer refers to an object of another type");
  return found->second.pointer;
}

void input_archive::add_shared(std::uint32_t id, std::shared_ptr<void> pointer, const std::type_info& type) {
  if (!shared_.emplace(id, shared_object{std::move(pointer), &type}).second)
    throw_decode_error("a shared object came twice");
}

}  // namespace plait::inline PLAIT_ABI::detail
