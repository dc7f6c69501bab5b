// Not position-independent: its own functions, and those of libraries through its own table of them, have addresses
// that travel.
#include <plait/portable/code_address.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

int own_function(int n) { return n * 2; }

bool comes_back(const void* address) {
  plait::detail::module_map modules;
  const auto travels = plait::detail::address_of_code(address);
  for (std::uint32_t i = 1; i < plait::detail::module_count(); ++i) modules.add(i, plait::detail::describe_module(i));
  return modules.resolve(travels) == address;
}

}  // namespace

int main() {
  const bool good = comes_back(reinterpret_cast<const void*>(&own_function)) &&
                    comes_back(reinterpret_cast<const void*>(&std::puts));
  std::puts(good ? "both come back" : "an address came back as another");
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
