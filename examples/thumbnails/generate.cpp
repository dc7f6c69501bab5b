#include "generate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "files.hpp"
#include "picture.hpp"
#include "planted_bugs.hpp"
#include <jpeglib.h>
#include <zlib.h>

namespace {

// ── pictures ──

std::uint8_t fade(int at, int of) { return static_cast<std::uint8_t>(255 * at / std::max(1, of - 1)); }

/// From black: redder to the right, bluer to the bottom.
picture gradient(int width, int height) {
  auto drawn = black_picture(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      drawn.pixels[place_of(drawn, x, y)] = fade(x, width);
      drawn.pixels[place_of(drawn, x, y) + 2] = fade(y, height);
    }
  return drawn;
}

/// Green ones, around the middle.
picture circles(int width, int height) {
  auto drawn = black_picture(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const double radius = std::hypot(x - width / 2, y - height / 2);
      drawn.pixels[place_of(drawn, x, y) + 1] = static_cast<std::uint8_t>(127.5 + 127.5 * std::cos(radius / 10));
    }
  return drawn;
}

// An error, which would be one of this program, ends it: so libjpeg does where nobody says otherwise.
bytes encode_jpeg(picture shown) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* file = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &file, &size);
  jpeg.image_width = static_cast<JDIMENSION>(shown.width);
  jpeg.image_height = static_cast<JDIMENSION>(shown.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < shown.height; ++y) {
    JSAMPROW row = &shown.pixels[place_of(shown, 0, y)];
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(file, &std::free);
  return {file, file + size};
}

// ── what is wrong with files ──

bytes first_half(bytes file) {
  file.resize(file.size() / 2);
  return file;
}

/// The header is whole, what follows is noise.
bytes scrambled(bytes file) {
  constexpr std::size_t header = 700;
  std::minstd_rand noise;
  for (auto i = std::min(header, file.size()); i < file.size(); ++i)
    file[i] = static_cast<std::uint8_t>(noise() >> 8);
  return file;
}

std::string big_endian(std::uint32_t number) {
  std::string text;
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(number >> shift);
  return text;
}

/// A PNG file is a signature of 8 bytes and a row of these; the first is IHDR, of 25 bytes.
std::string png_chunk(const std::string& type, const std::string& content) {
  const auto checked = type + content;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + checked +
         big_endian(static_cast<std::uint32_t>(sum));
}

/// A small file that says it is a large picture.
bytes claiming(std::uint32_t width, std::uint32_t height, bytes png) {
  const std::string colours(png.begin() + 24, png.begin() + 29);
  std::ranges::copy(png_chunk("IHDR", big_endian(width) + big_endian(height) + colours), png.begin() + 8);
  return png;
}

bytes with_comment(bytes file, const std::string& text) {
  const bool is_png = file[0] == 0x89;
  const auto length = big_endian(static_cast<std::uint32_t>(text.size() + 2)).substr(2);
  const auto comment = is_png ? png_chunk("tEXt", std::string("Comment\0", 8) + text) : "\xff\xfe" + length + text;
  file.insert(file.begin() + (is_png ? 8 + 25 : 2), comment.begin(), comment.end());
  return file;
}

bytes with_bug(bytes file, std::string_view name) {
  return with_comment(std::move(file), std::string(planted_bug_mark) + std::string(name));
}

}  // namespace

void generate(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const std::string& name, const bytes& content) { write_file(folder / name, content); };
  const auto jpeg = encode_jpeg(circles(640, 480));
  const auto png = encode_png(circles(640, 480));

  write("circles.jpg", jpeg);
  write("circles.png", png);
  write("gradient.png", encode_png(gradient(300, 200)));
  write("large.jpg", encode_jpeg(gradient(4000, 3000)));
  write("small.png", encode_png(gradient(16, 16)));
  write("tall.jpg", encode_jpeg(gradient(100, 900)));
  write("with_comment.png", with_comment(png, "a harmless one"));

  write("empty.jpg", {});
  write("no_picture.png", bytes(1000, 'x'));
  write("truncated.jpg", first_half(jpeg));
  write("truncated.png", first_half(png));
  write("scrambled.jpg", scrambled(jpeg));
  write("scrambled.png", scrambled(png));
  write("bomb.png", claiming(60'000, 60'000, png));

  for (const auto& bug : planted_bugs) {
    const bool even = (&bug - planted_bugs.data()) % 2 == 0;
    write("bug_" + std::string(bug.name) + (even ? ".png" : ".jpg"), with_bug(even ? png : jpeg, bug.name));
  }
}
