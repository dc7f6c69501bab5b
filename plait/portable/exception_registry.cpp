#include <plait/portable/internal/exception_registry.hpp>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

struct codec_registry {
  std::mutex mutex;  // guards what follows
  std::map<std::string, exception_codec, std::less<>> codecs;
};

codec_registry& registered() {
  static auto& only = *new codec_registry();  // never destroyed: exceptions are thrown while the program leaves
  return only;
}

}  // namespace

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return text ? text.get() : name;
}

std::string name_of_thrown(const std::type_info& type) {
  std::string name = demangle(type.name());
  for (const std::string_view wrapper : {"std::_Nested_exception<", "std::__nested<"}) {
    if (!name.starts_with(wrapper) || !name.ends_with('>')) continue;
    name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    while (name.ends_with(' ')) name.pop_back();
  }
  return name;
}

void register_exception_codec(const exception_codec& codec) {
  auto name = demangle(codec.type->name());
  auto& all = registered();
  const std::scoped_lock lock(all.mutex);
  all.codecs.emplace(std::move(name), codec);
}

std::optional<exception_codec> find_exception_codec(std::string_view name) {
  auto& all = registered();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.codecs.find(name);
  if (found == all.codecs.end()) return std::nullopt;
  return found->second;
}

}  // namespace plait::inline PLAIT_ABI::detail
