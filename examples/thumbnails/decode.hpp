// What runs in the sandbox: foreign bytes in, a small picture out.
#pragma once

#include "picture.hpp"

struct thumbnail {
  int width = 0;  // of the picture in the file
  int height = 0;
  picture small;
};

/// Of the picture in a JPEG or PNG file; no side of it is longer than `size`. Throws std::runtime_error, which says
/// what is wrong with the file.
thumbnail make_thumbnail(const bytes& file, int size);
