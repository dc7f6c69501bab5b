#include "blocking_calls.hpp"

#include <plait/plait.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

enum class kind : std::uint8_t { file, folder, other };

kind kind_of(const fs::directory_entry& entry) {
  std::error_code unknown;
  if (entry.is_symlink(unknown)) return kind::other;
  if (entry.is_directory(unknown)) return kind::folder;
  // Of what can't be told, opening it will say why.
  return entry.is_regular_file(unknown) || unknown ? kind::file : kind::other;
}

std::string name_of(const fs::directory_entry& entry) { return entry.path().filename().native(); }

using block = std::array<unsigned char, 64 * 1024>;

class opened_file {
 public:
  // A pipe that took the file's place since it was listed must not block, and a link not be followed.
  explicit opened_file(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "open");
  }
  opened_file(const opened_file&) = delete;
  opened_file& operator=(const opened_file&) = delete;
  ~opened_file() { close(descriptor_); }

  [[nodiscard]] bool is_regular() const noexcept {
    struct stat status{};
    return fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  }
  /// How many bytes it read; 0 at the end.
  std::size_t read(block& into) const {
    const auto bytes = ::read(descriptor_, into.data(), into.size());
    if (bytes < 0) throw std::system_error(errno, std::generic_category(), "read");
    return static_cast<std::size_t>(bytes);
  }

 private:
  int descriptor_;
};

class sha256 {
 public:
  sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_) throw std::bad_alloc();
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void update(const block& from, std::size_t bytes) { check(EVP_DigestUpdate(context_.get(), from.data(), bytes)); }
  std::string finish() {
    std::array<unsigned char, 32> sum;
    check(EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr));
    return fmt::format("{:02x}", fmt::join(sum, ""));
  }

 private:
  static void check(int succeeded) {
    if (succeeded != 1) throw std::runtime_error("OpenSSL can't compute SHA-256");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    const auto what = kind_of(entry);
    if (what != kind::other) names.push_back(name_of(entry) + (what == kind::folder ? "/" : ""));
  }
  std::ranges::sort(names);
  return names;
}

extent measure_folders(const std::vector<std::string>& paths) {
  extent found;
  for (const auto& path : paths) try {
      for (const auto& entry : fs::directory_iterator(path)) {
        const auto what = kind_of(entry);
        if (what == kind::folder) found.folders.push_back(path + name_of(entry) + '/');
        if (what != kind::file) continue;
        ++found.files;
        std::error_code unknown;
        const auto bytes = entry.file_size(unknown);
        if (!unknown) found.bytes += bytes;
      }
    } catch (const fs::filesystem_error&) {  // who reads it will meet it again
    }
  return found;
}

digest digest_file(const std::stop_token& stop, const std::string& path) {
  const opened_file file(path);
  if (!file.is_regular()) throw std::runtime_error("no longer a regular file");
  sha256 sum;
  std::uint64_t total = 0;
  block buffer;
  while (const auto bytes = file.read(buffer)) {
    if (stop.stop_requested()) throw plait::cancelled_error();
    sum.update(buffer, bytes);
    total += bytes;
  }
  return {sum.finish(), total};
}
