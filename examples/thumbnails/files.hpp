// Files as a whole. These block: the loop has threads for them.
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "picture.hpp"

/// Not one that is larger than any picture: so many workers, so many times this is in memory at most.
inline bytes read_file(const std::filesystem::path& path) {
  constexpr std::uintmax_t most = 64 << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::system_error(errno, std::generic_category(), "open");
  const auto size = std::filesystem::file_size(path);
  if (size > most) throw std::runtime_error("larger than 64 MiB");
  bytes content(size);
  file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(size));
  if (!file) throw std::system_error(errno, std::generic_category(), "read");
  return content;
}

inline void write_file(const std::filesystem::path& path, const bytes& content) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::system_error(errno, std::generic_category(), "write");
}
