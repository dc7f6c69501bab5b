// What the tool `plait` and a program that is looked into say to each other. Both are of the same machine; the words
// are fixed in length, and an answer says how long it is, so that half of one is not taken for a whole.
//
//    tool                                           program
//    connect "\0plait-inspect-<pid>" ────────────►  accept; is it the same user?
//    request{magic, question} ───────────────────►
//                        ◄───────────────────────── reply{magic, answer, bytes}, then so many bytes of UTF-8
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

namespace plait_inspection {

constexpr std::uint32_t magic = 0x31544c50;  // "PLT1"

enum class question : std::uint32_t { table = 1, tree = 2 };
enum class answer : std::uint32_t {
  text = 0,
  not_understood = 1,
  failed = 2,
};

struct request {
  std::uint32_t magic;
  question asked;
};
struct reply {
  std::uint32_t magic;
  answer how;
  std::uint64_t bytes;
};

constexpr std::uint64_t longest_text = std::uint64_t{256} << 20U;

struct address {
  sockaddr_un name{};
  socklen_t size = 0;
};

/// Abstract: it belongs to the socket and goes with it.
inline address address_of(pid_t pid) noexcept {
  address made;
  made.name.sun_family = AF_UNIX;
  const int length = std::snprintf(made.name.sun_path + 1, sizeof made.name.sun_path - 1, "plait-inspect-%ld",
                                   static_cast<long>(pid));
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length));
  return made;
}

}  // namespace plait_inspection
