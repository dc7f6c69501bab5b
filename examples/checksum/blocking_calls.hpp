// What blocks in checksum: ordinary functions from paths to plain values, so that any executor can run them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

// Each path of a folder ends with a '/', symbolic links are not followed, and what is neither file nor folder is left
// out. What can't be opened or read is a std::system_error.

/// The names of what is in a folder, its folders' with a '/' behind them, in the order of their bytes; which is so
/// the order of all the paths that begin with them. In memory is the whole list, be it ever so long.
std::vector<std::string> list_folder(const std::string& path);

struct extent {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> folders;  // inside, not measured
};

/// How much is in these folders, as far as they can be read.
extent measure_folders(const std::vector<std::string>& paths);

struct digest {
  std::string hex;
  std::uint64_t bytes = 0;
};

/// SHA-256 of a file, read through one small buffer. plait::cancelled_error where it is asked to stop.
digest digest_file(const std::stop_token& stop, const std::string& path);
