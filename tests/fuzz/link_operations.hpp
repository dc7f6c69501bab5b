// The language of link_fuzz's inputs: one byte that says what is done, then what it takes. What is missing is 0.
#pragma once

#include <cstdint>

namespace fuzz {

enum class operation : std::uint8_t {
  // What the parent does.
  send,          // u8 size: a call with so many bytes, times 16
  send_large,    // u8 size: a call whose arguments take a block of inline_limit and so many KiB
  send_notice,   // u8 size
  send_lending,  // u16: a call with so many shared buffers
  has_room,      // u32 bytes
  withdraw,      // u8: the so-manieth in flight
  withdraw_any,  // u64: whatever number
  ask_to_stop,   // u8: as withdraw
  is_taken,      // u8
  next_reply,    // u8: how its payload is read
  release,       // the oldest that was taken
  answer_wish,   // u8: 0 refuses, else grants; where one is to be answered
  arm,           // u8: which bell
  wake,
  forget_worker_ends,  // as once the worker has its descriptors
  // What its worker does, if it is one.
  reply,           // u8 kind, u16 size: the right next one, as the worker's next; published
  reply_in_block,  // u8 which block (0 the spare one, else the one granted last), u32 bytes
  lend,            // u8 which (hostile_descriptors.hpp), u8: so many of it, in a message that the next reply counts
  wish,            // u32 bytes: need_block
  publish,         // what was written
  take_call,       // claims the oldest in flight
  pass_over,       // says that it went past all requests
  take_message,    // from the control socket
  leave,           // closes its end of it
  // What no worker does.
  write_header,    // u8 position (of those that the parent reads next), u32 size, u16 kind, u8 in_block, u8 lent, u64
                   // sequence
  write_word,      // u8 which of the words before the rings, u64
  write_bytes,     // u32 position in the memory, u8 size, bytes
  publish_at,      // u64
  claim,           // u8 request, u32: its claim
  write_control,   // u32 kind, u64 call, u8 which, u8: so many of it, u8 bytes: any message on the control socket
  give_back_lent,  // u8 which: of its pages
  give_back,       // u16 first page, u16 pages: they come again, empty
  // From here on a thread of its own does, again and again, what the next bytes say, while the rest is done.
  rewrite,  // u8 count, then so many times: u8 where (0: a header, else a word; see rewriter), u64 what
  count,
};

}  // namespace fuzz
