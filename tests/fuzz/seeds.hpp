// The inputs that fuzzing begins with: right ones, since a fuzzer finds the wrong ones by itself; and one of each way
// of being wrong that it would not find soon.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace fuzz {

class folder {
 public:
  explicit folder(std::filesystem::path path);
  void write(const std::string& name, std::span<const std::byte> bytes) const;

 private:
  std::filesystem::path path_;
};

void write_results(const folder& to);
void write_exceptions(const folder& to);
void write_links(const folder& to);
void write_link_buffers(const folder& to);
void write_crashes(const folder& to);

}  // namespace fuzz
