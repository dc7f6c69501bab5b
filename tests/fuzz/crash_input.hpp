// An input of crash_fuzz: this, then the bytes of a crash_record. What is missing is 0.
#pragma once

#include <cstdint>

namespace fuzz {

struct crash_head {
  static constexpr std::uint8_t says_its_signal = 1;  // the record, whatever its bytes: else few inputs pass there
  static constexpr std::uint8_t is_looked_up = 2;     // functions and lines, which takes long

  std::uint8_t signal;  // that the worker died of
  std::uint8_t flags;
};

}  // namespace fuzz
