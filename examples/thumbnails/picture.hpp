// A picture in memory, made smaller, and written as PNG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

using bytes = std::vector<std::uint8_t>;

/// Red, green, blue, of 8 bits each, row by row from the top.
struct picture {
  int width = 0;
  int height = 0;
  bytes pixels;
};

/// Where its pixel is, in `pixels`.
inline std::size_t place_of(const picture& in, int x, int y) {
  return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(in.width) + static_cast<std::size_t>(x));
}

picture black_picture(int width, int height);

/// So that no side is longer than `size`; one that is small enough stays as it is.
picture shrunk(picture whole, int size);

bytes encode_png(const picture& shown);
