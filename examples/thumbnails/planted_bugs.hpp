// What stands in for a bug in a decoder. libjpeg and libpng do not crash on demand: this does, on files that say so.
//
// A decoder reads bytes that somebody else wrote. Where it has a bug, those bytes decide what its process does next:
// it crashes, it never ends, or it runs code that the file brought along. So here a file with the comment "planted
// bug: NAME" has that happen to the process that decodes it. Leave this out of a program of your own.
#pragma once

#include <array>
#include <string_view>

#include "picture.hpp"

inline constexpr std::string_view planted_bug_mark = "planted bug: ";

struct planted_bug {
  std::string_view name;
  void (*happens)();
};
extern const std::array<planted_bug, 5> planted_bugs;

/// What the file has in its comment, if it has.
void run_planted_bug(const bytes& file);
