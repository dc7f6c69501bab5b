// An exception of another language, as it comes through C++: Rust's, Lua's.
#pragma once

#include <cstdlib>

#include <unwind.h>

namespace test_support {

[[noreturn]] inline void throw_foreign() {
  static _Unwind_Exception foreign{};
  _Unwind_RaiseException(&foreign);
  std::abort();  // nobody catches it
}

}  // namespace test_support
