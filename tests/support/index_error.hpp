// An exception to end something with.
#pragma once

#include <exception>
#include <stdexcept>

namespace test_support {

inline std::exception_ptr index_error() { return std::make_exception_ptr(std::out_of_range("index 7")); }

}  // namespace test_support
