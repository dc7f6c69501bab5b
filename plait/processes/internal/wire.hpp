// What lies in the rings between a program and one of its workers: kinds of messages, their headers, limits.
//
// Both sides run the same binary, so the layout needs no version. Requests start on cache lines: header and 32 bytes
// of callable and arguments, which is most calls, are one line, and taking a call touches no neighbour. Replies are
// packed by halves of a line: they are written by one side and then read by the other, batch after batch.
#pragma once

#include <plait/core/sync.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace plait::inline PLAIT_ABI::detail {

/// A worker wrote what no worker writes. Its link must not be read any further.
class PLAIT_API protocol_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~protocol_error() override;
};

/// What a message asks of a worker. Everything but a notice and a stop is answered by exactly one reply.
enum class request_kind : std::uint8_t {
  filler = 0,      ///< the rest of the ring up to its end; never seen outside the link
  call = 1,        ///< run a call
  initialize = 2,  ///< run the initializer
  notice = 3,      ///< tells something, is not answered
  stop = 4,        ///< the worker ends; nothing behind it is looked at
};

/// What a worker says.
enum class reply_kind : std::uint16_t {
  filler = 0,      ///< as above
  need_block = 1,  ///< asks for memory for its result; the request stays in flight
  value = 2,       ///< the call returned
  error = 3,       ///< the call threw
};
inline constexpr std::uint16_t last_reply_kind = 3;

/// Which code is to run. The link only carries it.
struct call_target {
  std::uint32_t module = 0;
  std::uint16_t flags = 0;
  std::uint64_t thunk = 0;
};

/// Flags of a call_target.
inline constexpr std::uint16_t has_initializer = 1;   ///< of `initialize`: there is one to run
inline constexpr std::uint16_t call_has_context = 2;  ///< of `call`: values of context variables stand before it

/// Who came first to a request: the worker that runs it, or the parent that wants it back.
enum class claim : std::uint32_t { ready = 0, taken = 1, withdrawn = 2 };

struct request_header {
  std::uint16_t size = 0;     // of the inline payload behind the header
  std::uint16_t buffers = 0;  // descriptors that were lent for it, over the control socket
  request_kind kind = request_kind::filler;
  std::uint8_t in_block = 0;  // 1: the inline payload is a block_name, and the real one lies there
  std::uint16_t flags = 0;    // of the target, as are `module` and `thunk`
  sync::atomic<claim> state{claim::ready};
  std::uint32_t module = 0;
  std::uint64_t sequence = 0;
  std::uint64_t thunk = 0;
};
static_assert(sizeof(request_header) == 32);

struct reply_header {
  std::uint32_t size = 0;
  reply_kind kind = reply_kind::filler;
  std::uint8_t in_block = 0;
  std::uint8_t lent = 0;  // messages that were sent for it over the control socket, with descriptors
  std::uint32_t flags = 0;
  std::uint32_t own_pages = 0;  // of the worker's memory after the call, where it was told to measure
  std::uint64_t sequence = 0;
};
static_assert(sizeof(reply_header) == 24);

/// A payload out of line: `bytes` bytes of block `id`.
struct block_name {
  std::uint64_t id;
  std::uint64_t bytes;
};

/// What goes over the control socket, from the parent to the worker; a block's descriptor comes along the first time
/// that the block is named. `lend` goes both ways, with descriptors of shared buffers.
enum class control_kind : std::uint32_t { name, drop, grant, refuse, lend };

struct control_message {
  control_kind kind;
  std::int32_t error;   // of a refusal
  std::uint64_t block;  // lend: the number of the call that they go with
  std::uint64_t bytes;  // the block's size; lend: how many descriptors have come before, for the same call
};

/// Descriptors in one message; the kernel takes 253.
inline constexpr std::size_t most_lent_at_once = 250;
/// Messages for one call or result.
inline constexpr std::uint32_t most_lends = 4;

inline constexpr std::size_t request_alignment = 64;
inline constexpr std::size_t reply_alignment = 32;

/// Larger payloads travel in blocks. Arbitrary within a factor of four: naming a block costs a few words, getting a
/// new one system calls and page faults; copying through the ring costs a copy more, and room in it.
inline constexpr std::size_t inline_limit = 16 * 1024;
static_assert(inline_limit <= UINT16_MAX);

}  // namespace plait::inline PLAIT_ABI::detail
