#include <plait/portable/code_address.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/portable/internal/text.hpp>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include <dlfcn.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

std::string hex_bytes(std::string_view bytes) {
  std::string digits;
  for (const unsigned char byte : bytes) {
    constexpr std::string_view digit = "0123456789abcdef";
    digits += digit[byte >> 4U];
    digits += digit[byte & 15U];
  }
  return digits;
}

/// Asked several times for each call.
const loaded_module& module_of_program() {
  static constinit std::atomic<const loaded_module*> known{nullptr};
  if (const auto* const module = known.load(std::memory_order_acquire)) [[likely]]
    return *module;
  known.store(&main_module(), std::memory_order_release);
  return main_module();
}

/// The modules that this process has told others about. A number means the same module for good; where that is
/// unloaded its code is not found any more, until it is loaded again.
class known_modules {
 public:
  code_address find(std::uintptr_t address) {
    const std::scoped_lock lock(mutex_);
    forget_unloaded();
    for (std::uint32_t i = 0; i < modules_.size(); ++i)
      if (contains(modules_[i].code, address)) return {.module = i + 1, .offset = address - modules_[i].base};
    auto found = find_loaded_module(address);
    if (!found) throw not_portable("plait: the address " + hex(address) + " is no function of a loaded module");
    if (found->description.build_id.empty())
      throw not_portable("plait: the function at " + hex(address) + " lies in a module without a build id (" +
                         found->description.path +
                         ", linked with --build-id=none), so another process can't know that it has the same one");
    const std::uint32_t number = keep(std::move(*found));
    return {.module = number, .offset = address - modules_[number - 1].base};
  }

  module_description describe(std::uint32_t number) {
    const std::scoped_lock lock(mutex_);
    if (number > modules_.size()) throw std::out_of_range("plait: there is no module " + std::to_string(number));
    return modules_[number - 1].description;
  }

  /// With the main program. What address_of_code has given before is counted.
  std::uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }

 private:
  void forget_unloaded() {
    const auto unloaded = count_of_unloaded();
    if (unloaded == unloaded_) return;
    unloaded_ = unloaded;
    for (auto& module : modules_) module.code.clear();
  }

  std::uint32_t keep(loaded_module found) {
    for (std::uint32_t i = 0; i < modules_.size(); ++i) {
      if (modules_[i].code.empty() && modules_[i].description == found.description) {
        modules_[i] = std::move(found);
        return i + 1;
      }
    }
    modules_.push_back(std::move(found));
    const auto number = static_cast<std::uint32_t>(modules_.size());
    count_.store(number + 1, std::memory_order_release);  // pairs with count()
    return number;
  }

  std::atomic<std::uint32_t> count_{1};
  std::mutex mutex_;                    // guards what follows
  std::vector<loaded_module> modules_;  // the number is the index and one: 0 is the main program
  unsigned long long unloaded_ = 0;     // code is right as long as no more than these have been unloaded
};

known_modules& modules() {
  static auto& known = *new known_modules();  // never destroyed: calls are submitted while the program leaves
  return known;
}

}  // namespace

code_address address_of_code(const void* address) {
  const auto& here = module_of_program();
  const auto where = reinterpret_cast<std::uintptr_t>(address);
  if (contains(here.code, where)) return {.module = 0, .offset = where - here.base};
  return modules().find(where);
}

bool is_code_of_program(const void* address) noexcept {
  try {
    return contains(module_of_program().code, reinterpret_cast<std::uintptr_t>(address));
  } catch (...) {
    return false;
  }
}

module_description describe_module(std::uint32_t module) {
  return module == 0 ? main_module().description : modules().describe(module);
}

std::uint32_t module_count() { return modules().count(); }

module_map::module_map() : program_{main_module().base, main_module().code} {}
module_map::~module_map() = default;

void module_map::add(std::uint32_t module, const module_description& description) {
  if (module == 0) return;
  const auto fail = [&](const std::string& why) {
    throw decode_error("plait: the worker has no module with build id " + hex_bytes(description.build_id) + " (" +
                       description.path + "): " + why);
  };
  if (description.build_id.empty()) fail("a module without a build id can't be told from others");
  auto found = find_loaded_module(description.build_id);
  if (found) {
    // Held for good, as what is loaded here is. What is not from a file (the kernel's own) is never unloaded.
    if (!found->is_main) dlopen(found->description.path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  } else {
    if (files_are_out_of_reach())
      fail(
          "a worker in its sandbox loads no more libraries; its initializer can load this one, and calls that were "
          "submitted before the worker started have it loaded");
    if (dlopen(description.path.c_str(), RTLD_NOW) == nullptr) {
      const char* const why = dlerror();
      fail(why != nullptr ? why : "it can't be loaded");
    }
    found = find_loaded_module(description.build_id);
    if (!found) fail("the file there is another one now");
  }
  others_[module] = {found->base, std::move(found->code)};
}

const module_map::module_here* module_map::find(std::uint32_t number) const noexcept {
  if (number == 0) return &program_;
  const auto found = others_.find(number);
  return found == others_.end() ? nullptr : &found->second;
}

const void* module_map::resolve(code_address address) const {
  const auto* const module = find(address.module);
  if (!module)
    throw decode_error("plait: a call names module " + std::to_string(address.module) + ", which was not described");
  const std::uintptr_t where = module->base + address.offset;
  if (!contains(module->code, where))
    throw decode_error("plait: a call names offset " + hex(address.offset) + " of module " +
                       std::to_string(address.module) + ", where no code is");
  return reinterpret_cast<const void*>(where);
}

namespace {
thread_local const module_map* modules_of_this_thread = nullptr;
}

reading_modules::reading_modules(const module_map& modules) noexcept
    : before_(std::exchange(modules_of_this_thread, &modules)) {}
reading_modules::~reading_modules() { modules_of_this_thread = before_; }

const void* resolve_for_this_thread(code_address address) {
  if (modules_of_this_thread != nullptr) return modules_of_this_thread->resolve(address);
  static const auto& only_this_program = *new module_map;  // never destroyed, as above
  return only_this_program.resolve(address);
}

}  // namespace plait::inline PLAIT_ABI::detail
