// make_seeds FOLDER: writes the inputs that fuzzing begins with, a folder for each target.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hostile_descriptors.hpp"
#include "seeds.hpp"

namespace fuzz {

folder::folder(std::filesystem::path path) : path_(std::move(path)) { std::filesystem::create_directories(path_); }

void folder::write(const std::string& name, std::span<const std::byte> bytes) const {
  std::ofstream file(path_ / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error("can't write " + (path_ / name).string());
}

namespace {

// ── what is written to stderr ──

void write_stderr(const folder& to) {
  const auto one = [&](const std::string& name, std::string bytes) {
    bytes.insert(0, 1, '\0');
    to.write(name, std::as_bytes(std::span(bytes)));
    bytes.front() = 1;  // with a label, which waits for the number
    to.write(name + "_labelled", std::as_bytes(std::span(bytes)));
    bytes.append(1, '\0').append(
        "\x04"
        "end\n");
    to.write(name + "_numbered", std::as_bytes(std::span(bytes)));
  };
  one("lines",
      "\x06line\n\n\x05"
      "half \x05line\n");
  std::string many;
  for (int i = 0; i < 30; ++i)
    many +=
        "\x02"
        "a\n";
  one("many_lines", many);
  one("long_line", "\xff" + std::string(63, 'x') + "\xff" + std::string(63, 'y') + "\x01\n");
  std::string endless;
  for (int i = 0; i < 5; ++i) endless += "\xff" + std::string(63, 'x');
  one("endless_line", endless);
}

// ── what comes of a sandbox's handover ──

void write_watches(const folder& to) {
  using descriptors = hostile_descriptors;
  constexpr std::uint8_t look = 0, send = 1, leave = 2;
  const auto one = [&](const char* name, const std::vector<std::uint8_t>& bytes) {
    to.write(name, std::as_bytes(std::span(bytes)));
  };
  one("as_it_should", {look, send, 1, 1, descriptors::event, look, look, leave, look});
  one("that_ends", {send, 1, 1, descriptors::pipe, look, look, look});
  one("nobody_enters", {look, leave, look, look});
  one("without_a_listener", {send, 1, 0, 0, look, look});
  one("with_several", {send, 1, 3, descriptors::event, look, look});
  one("too_long", {send, 3, 1, descriptors::event, look, look});
  one("empty_message", {send, 0, 1, descriptors::event, look});
  one("twice", {send, 1, 1, descriptors::event, send, 1, 1, descriptors::event, look, look, look});
}

}  // namespace

void write_all(const std::filesystem::path& root) {
  write_results(folder(root / "result"));
  write_exceptions(folder(root / "exception"));
  write_links(folder(root / "link"));
  write_link_buffers(folder(root / "link"));
  write_stderr(folder(root / "stderr"));
  write_crashes(folder(root / "crash"));
  write_watches(folder(root / "watch"));
}

}  // namespace fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "make_seeds FOLDER: expected the folder to write to\n");
    return 2;
  }
  fuzz::write_all(argv[1]);
}
