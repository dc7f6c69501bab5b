// Where the exceptions of this thread were thrown.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <typeinfo>

namespace plait::inline PLAIT_ABI::detail {

/// The return addresses that were noted when this exception was thrown, innermost first. Empty where it was not
/// thrown by this thread while capture_throws was on, or too many were thrown since.
[[nodiscard]] std::span<void* const> throw_trace_of(const std::exception_ptr& error,
                                                    const std::type_info& type) noexcept;

/// The trace of an exception for another process to read; empty where none was noted.
[[nodiscard]] std::string trace_of(const std::exception_ptr& error);

/// "program+0x1234\n…": a line a frame, addresses as the modules' files have them.
[[nodiscard]] std::string describe_trace(std::span<void* const> frames);

}  // namespace plait::inline PLAIT_ABI::detail
