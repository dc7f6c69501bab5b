// Functions of the program, of libraries, of plugins: their addresses travel, and come back as what they were.
#include <plait/portable/code_address.hpp>
#include <plait/portable/errors.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using namespace plait::detail;

int own_function(int n) { return n; }
int some_data = 0;

struct closes {
  void operator()(void* module) const { dlclose(module); }
};
using module_handle = std::unique_ptr<void, closes>;

module_handle load(const char* path) {
  module_handle module(dlopen(path, RTLD_NOW | RTLD_LOCAL));
  if (!module) throw std::runtime_error(dlerror());
  return module;
}
const void* function_in(const module_handle& module) { return dlsym(module.get(), "plugin_function"); }

/// The receiver's map: here it is the sender too.
module_map all_modules() {
  module_map modules;
  for (std::uint32_t i = 0; i < module_count(); ++i) modules.add(i, describe_module(i));
  return modules;
}

std::string message_of_refusal(const void* address) {
  return test_support::message_of<plait::not_portable>([&] { (void)address_of_code(address); });
}

TEST(code_address, of_the_program_is_of_module_0) {
  const auto* const address = reinterpret_cast<const void*>(&own_function);
  const auto travels = address_of_code(address);
  EXPECT_EQ(travels.module, 0U);
  EXPECT_EQ(module_map().resolve(travels), address);
  EXPECT_EQ(describe_module(0).path, "/proc/self/exe");
}

TEST(code_address, of_a_library_names_it) {
  const auto* const address = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  const auto travels = address_of_code(address);
  EXPECT_NE(travels.module, 0U);
  EXPECT_EQ(address_of_code(address), travels);  // the same number again
  EXPECT_NE(describe_module(travels.module).path.find("libc"), std::string::npos);
  EXPECT_EQ(all_modules().resolve(travels), address);
}

TEST(code_address, of_a_plugin_names_it_by_its_build_id) {
  const auto plugin = load(PLAIT_PLUGIN);
  const auto* const address = function_in(plugin);
  const auto travels = address_of_code(address);
  const auto description = describe_module(travels.module);
  EXPECT_EQ(description.path, std::filesystem::canonical(PLAIT_PLUGIN));
  EXPECT_EQ(description.build_id, "\x11\x22\x33\x44\x55");
  EXPECT_EQ(all_modules().resolve(travels), address);
}

TEST(code_address, of_what_is_no_code_is_refused) {
  EXPECT_NE(message_of_refusal(&some_data).find("is no function of a loaded module"), std::string::npos);
  int local = 0;
  EXPECT_NE(message_of_refusal(&local).find("is no function of a loaded module"), std::string::npos);
  EXPECT_NE(message_of_refusal(nullptr).find("0x0 is no function"), std::string::npos);
}

TEST(code_address, in_a_module_without_a_build_id_is_refused) {
  const auto plugin = load(PLAIT_ANONYMOUS_PLUGIN);
  const auto what = message_of_refusal(function_in(plugin));
  EXPECT_NE(what.find("lies in a module without a build id"), std::string::npos) << what;
  EXPECT_NE(what.find("libplait_anonymous_plugin.so"), std::string::npos) << what;
}

TEST(code_address, of_an_unloaded_plugin_is_not_found_again_until_it_is_loaded_again) {
  const auto before = module_count();
  auto plugin = load(PLAIT_OTHER_PLUGIN);
  const auto* const address = function_in(plugin);
  const auto travels = address_of_code(address);
  const auto described = describe_module(travels.module);
  plugin.reset();
  if (dlopen(PLAIT_OTHER_PLUGIN, RTLD_NOW | RTLD_NOLOAD) != nullptr) GTEST_SKIP() << "this loader unloads nothing";
  EXPECT_NE(message_of_refusal(address), "(no exception)");
  EXPECT_EQ(describe_module(travels.module), described);  // what others were told stays true

  plugin = load(PLAIT_OTHER_PLUGIN);
  EXPECT_EQ(address_of_code(function_in(plugin)), travels);
  EXPECT_LE(module_count(), before + 1);
}

TEST(module_map, loads_what_the_sender_had_loaded) {
  module_description description;
  {
    const auto plugin = load(PLAIT_OTHER_PLUGIN);
    description = describe_module(address_of_code(function_in(plugin)).module);
  }
  module_map modules;
  modules.add(5, description);
  const auto plugin = load(PLAIT_OTHER_PLUGIN);  // the one that is there now
  const auto offset = address_of_code(function_in(plugin)).offset;
  EXPECT_EQ(modules.resolve({.module = 5, .offset = offset}), function_in(plugin));
}

TEST(module_map, refuses_a_file_that_is_another_now) {
  module_map modules;
  const auto what = test_support::message_of<plait::decode_error>([&] {
    modules.add(1, {.path = PLAIT_PLUGIN, .build_id = "\x01\x02"});
    return 0;
  });
  EXPECT_EQ(what, "plait: the worker has no module with build id 0102 (" PLAIT_PLUGIN
                  "): the file there is another one now");
}

TEST(module_map, refuses_a_file_that_is_not_there) {
  module_map modules;
  const auto what = test_support::message_of<plait::decode_error>([&] {
    modules.add(1, {.path = "/nowhere/lib.so", .build_id = "\x01"});
    return 0;
  });
  EXPECT_TRUE(what.starts_with("plait: the worker has no module with build id 01 (/nowhere/lib.so): ")) << what;
}

TEST(module_map, resolves_nothing_but_code_that_it_knows) {
  const module_map modules;
  EXPECT_THROW((void)modules.resolve({.module = 9, .offset = 0}), plait::decode_error);
  EXPECT_THROW((void)modules.resolve({.module = 0, .offset = 0}), plait::decode_error);
  const auto data = reinterpret_cast<std::uintptr_t>(&some_data);
  const auto base = reinterpret_cast<std::uintptr_t>(&own_function) -
                    address_of_code(reinterpret_cast<const void*>(&own_function)).offset;
  EXPECT_THROW((void)modules.resolve({.module = 0, .offset = data - base}), plait::decode_error);
  EXPECT_THROW((void)modules.resolve({.module = 0, .offset = ~std::uint64_t{0}}), plait::decode_error);
  EXPECT_THROW((void)describe_module(10'000), std::out_of_range);
}

TEST(reading_modules, set_what_a_threads_numbers_mean) {
  const auto plugin = load(PLAIT_PLUGIN);
  const auto travels = address_of_code(function_in(plugin));
  EXPECT_THROW((void)resolve_for_this_thread(travels), plait::decode_error);
  {
    const auto modules = all_modules();
    const reading_modules here(modules);
    EXPECT_EQ(resolve_for_this_thread(travels), function_in(plugin));
  }
  EXPECT_THROW((void)resolve_for_this_thread(travels), plait::decode_error);
}

}  // namespace
