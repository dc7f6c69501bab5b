#include "picture.hpp"

#include <algorithm>
#include <stdexcept>

#include <png.h>

picture black_picture(int width, int height) {
  picture made{width, height, {}};
  made.pixels.resize(place_of(made, 0, height));
  return made;
}

// Each pixel is the mean of the block that it stands for.
picture shrunk(picture whole, int size) {
  const int longer = std::max(whole.width, whole.height);
  if (longer <= size) return whole;

  const auto part = [](int of, int i, int parts) { return static_cast<int>(std::int64_t{of} * i / parts); };
  auto small =
      black_picture(std::max(1, part(whole.width, size, longer)), std::max(1, part(whole.height, size, longer)));
  for (int y = 0; y < small.height; ++y) {
    const int top = part(whole.height, y, small.height), bottom = part(whole.height, y + 1, small.height);
    for (int x = 0; x < small.width; ++x) {
      const int left = part(whole.width, x, small.width), right = part(whole.width, x + 1, small.width);
      const std::int64_t pixels = std::int64_t{bottom - top} * (right - left);
      for (std::size_t colour = 0; colour < 3; ++colour) {
        std::int64_t sum = 0;
        for (int row = top; row < bottom; ++row)
          for (int column = left; column < right; ++column)
            sum += whole.pixels[place_of(whole, column, row) + colour];
        small.pixels[place_of(small, x, y) + colour] = static_cast<std::uint8_t>(sum / pixels);
      }
    }
  }
  return small;
}

bytes encode_png(const picture& shown) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(shown.width);
  image.height = static_cast<png_uint_32>(shown.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  bytes file(size);
  if (png_image_write_to_memory(&image, file.data(), &size, 0, shown.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(image.message);
  file.resize(size);
  return file;
}
