// What a worker writes to its stderr, in whatever pieces: of it no more is kept than was said. Run with
// -close_fd_mask=2, since all of it is passed on.
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/stderr_relay.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#include "input.hpp"
#include <fcntl.h>
#include <unistd.h>

namespace {

using plait::detail::stderr_relay;

void check(const stderr_relay& relay) {
  const auto& kept = relay.last_lines();
  fuzz::require(kept.size() <= stderr_relay::kept_bytes, "no more bytes are kept");
  fuzz::require(std::ranges::count(kept, '\n') <= static_cast<std::ptrdiff_t>(stderr_relay::kept_lines),
                "no more lines are kept");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
  plait::detail::unique_fd write_end(ends[1]);
  fuzz::input in(data, size);
  stderr_relay relay{plait::detail::unique_fd(ends[0]), in.byte() % 2 == 0 ? "" : "worker_0"};
  while (!in.at_end()) {
    // A byte says how long the piece is, and how often it comes: no input is long, but what it makes may be. 0: the
    // worker's number is known from here on.
    const auto how = in.byte();
    if (how == 0) relay.set_pid(4711);
    const auto piece = in.take(how & 0x3f);
    for (unsigned times = 1u << (how >> 6) * 3; times > 0 && !piece.empty(); --times)
      if (::write(write_end.get(), piece.data(), piece.size()) < 0) break;  // the pipe is full
    fuzz::require(relay.pass_on(), "the pipe has not ended");
    check(relay);
  }
  write_end.reset();
  relay.close();
  check(relay);
  fuzz::require(relay.descriptor() < 0, "at its end it is closed");
  return 0;
}
