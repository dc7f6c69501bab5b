// Shared buffers: an input can make none, so these stand beside each.
#pragma once

#include <plait/portable/bytes.hpp>
#include <plait/portable/freight.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <cstddef>
#include <memory>
#include <vector>

#include <unistd.h>

namespace fuzz {

/// Of one page, of two, of three: the program's own, the same ones at each call.
inline const std::vector<std::shared_ptr<plait::detail::shared_pages>>& own_buffers() {
  static const auto made = [] {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<std::shared_ptr<plait::detail::shared_pages>> all;
    for (std::size_t pages = 1; pages <= 3; ++pages) all.push_back(plait::detail::shared_pages::create(pages * page));
    return all;
  }();
  return made;
}

/// As if they had come with a message.
inline plait::detail::freight buffers_beside() {
  plait::detail::freight beside;
  for (const auto& each : own_buffers()) beside.push(each);
  return beside;
}

/// A message as it leaves: its bytes, and the buffers that they refer to.
struct message {
  std::vector<std::byte> bytes;
  plait::detail::freight beside;

  friend bool operator==(const message& a, const message& b) {
    return a.bytes == b.bytes && a.beside.items() == b.beside.items();
  }
};

/// `write(byte_writer)`.
template <class Write> message written_by(Write write) {
  message made;
  plait::detail::heap_storage memory(&made.beside);
  plait::detail::byte_writer to({}, memory);
  write(to);
  made.bytes.assign(to.bytes().begin(), to.bytes().end());
  return made;
}

}  // namespace fuzz
