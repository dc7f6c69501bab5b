#include "decode.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "planted_bugs.hpp"
#include <fmt/format.h>
#include <jpeglib.h>
#include <png.h>

namespace {

/// 150 MB of them.
constexpr std::int64_t most_pixels = 50'000'000;

// A few bytes of file can claim any size.
picture room_for(std::int64_t width, std::int64_t height) {
  if (width * height > most_pixels) throw std::runtime_error(fmt::format("{}x{} are too many pixels", width, height));
  return black_picture(static_cast<int>(width), static_cast<int>(height));
}

// ── JPEG ──

struct jpeg_errors : jpeg_error_mgr {
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> text;
};

// libjpeg does not expect to be returned to.
[[noreturn]] void give_up(j_common_ptr jpeg) {
  auto& errors = static_cast<jpeg_errors&>(*jpeg->err);
  errors.format_message(jpeg, errors.text.data());
  std::longjmp(errors.back, 1);
}

// Below 0 is a warning: the data is damaged, and libjpeg would make up the rest.
void give_up_if_damaged(j_common_ptr jpeg, int level) {
  if (level < 0) give_up(jpeg);
}

class jpeg_reader {
 public:
  jpeg_reader() {
    info.err = jpeg_std_error(&errors_);
    errors_.error_exit = give_up;
    errors_.emit_message = give_up_if_damaged;
    attempt([this] { jpeg_create_decompress(&info); });
  }
  jpeg_reader(const jpeg_reader&) = delete;
  jpeg_reader& operator=(const jpeg_reader&) = delete;
  ~jpeg_reader() { jpeg_destroy_decompress(&info); }

  /// Steps that call libjpeg and own nothing: an error jumps out of them, past all destructors.
  template <class Steps> void attempt(const Steps& steps) {
    if (setjmp(errors_.back) != 0) throw std::runtime_error(errors_.text.data());
    steps();
  }

  jpeg_decompress_struct info{};

 private:
  jpeg_errors errors_{};
};

thumbnail from_jpeg(const bytes& file, int size) {
  jpeg_reader reader;
  auto& jpeg = reader.info;
  reader.attempt([&] {
    jpeg_mem_src(&jpeg, file.data(), file.size());
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    // To decode it at a half, a quarter or an eighth of its size costs as much less.
    const auto longer = std::max(jpeg.image_width, jpeg.image_height);
    for (jpeg.scale_num = jpeg.scale_denom = 1; jpeg.scale_denom < 8; jpeg.scale_denom *= 2)
      if (longer / (jpeg.scale_denom * 2) < static_cast<JDIMENSION>(size)) break;
    jpeg_calc_output_dimensions(&jpeg);
  });
  auto whole = room_for(jpeg.output_width, jpeg.output_height);
  reader.attempt([&] {
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = &whole.pixels[place_of(whole, 0, static_cast<int>(jpeg.output_scanline))];
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  });
  return {static_cast<int>(jpeg.image_width), static_cast<int>(jpeg.image_height), shrunk(std::move(whole), size)};
}

// ── PNG ──

struct png_reader : png_image {
  png_reader() : png_image{} { version = PNG_IMAGE_VERSION; }
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;
  ~png_reader() { png_image_free(this); }
};

thumbnail from_png(const bytes& file, int size) {
  png_reader png;
  if (png_image_begin_read_from_memory(&png, file.data(), file.size()) == 0) throw std::runtime_error(png.message);
  auto whole = room_for(png.width, png.height);
  png.format = PNG_FORMAT_RGB;
  const png_color behind{255, 255, 255};  // where it is transparent
  if (png_image_finish_read(&png, &behind, whole.pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(png.message);
  return {whole.width, whole.height, shrunk(std::move(whole), size)};
}

template <std::size_t Length> bool begins_with(const bytes& file, const std::array<std::uint8_t, Length>& magic) {
  return file.size() >= Length && std::equal(magic.begin(), magic.end(), file.begin());
}

}  // namespace

thumbnail make_thumbnail(const bytes& file, int size) {
  run_planted_bug(file);
  if (begins_with(file, std::array<std::uint8_t, 3>{0xff, 0xd8, 0xff})) return from_jpeg(file, size);
  if (begins_with(file, std::array<std::uint8_t, 4>{0x89, 'P', 'N', 'G'})) return from_png(file, size);
  throw std::runtime_error("neither JPEG nor PNG");
}
