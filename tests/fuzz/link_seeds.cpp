#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/wire.hpp>

#include <cstddef>
#include <cstdint>

#include "link_program.hpp"
#include "seeds.hpp"

namespace fuzz {

namespace pd = plait::detail;

namespace {

// A call, its answer of eight bytes, taken and released.
program& one_call(program& p, unsigned kind = 0) {
  p.then(operation::send, u8(1)).then(operation::reply, u8(kind), u16(8)).bytes(8);
  return p.then(operation::next_reply, u8(2)).then(operation::release);
}

}  // namespace

void write_links(const folder& to) {
  using op = operation;
  program calls;
  for (int i = 0; i < 8; ++i) one_call(calls);
  to.write("calls", calls.written());

  program errors;
  for (int i = 0; i < 4; ++i) one_call(errors, 1);
  to.write("errors", errors.written());

  program ahead;  // sent ahead, answered ahead, released late
  for (int i = 0; i < 20; ++i) ahead.then(op::send, u8(i));
  for (int i = 0; i < 20; ++i) ahead.then(op::reply, u8(0), u16(0));
  for (int i = 0; i < 20; ++i) ahead.then(op::next_reply, u8(7));
  for (int i = 0; i < 20; ++i) ahead.then(op::release);
  to.write("ahead", ahead.written());

  program withdrawn;
  for (int i = 0; i < 8; ++i) withdrawn.then(op::send, u8(1)).then(op::send_notice, u8(9));
  withdrawn.then(op::take_call).then(op::is_taken, u8(0)).then(op::withdraw, u8(0)).then(op::ask_to_stop, u8(0));
  for (int i = 0; i < 7; ++i) withdrawn.then(op::withdraw, u8(i % 3));
  withdrawn.then(op::pass_over).then(op::has_room, u32(16'000)).then(op::withdraw_any, u64(99));
  withdrawn.then(op::claim, u8(0), u32(0)).then(op::withdraw, u8(0)).then(op::wake).then(op::arm, u8(1));
  to.write("withdrawn", withdrawn.written());

  program large;  // arguments in blocks
  for (int i = 0; i < 4; ++i) {
    large.then(op::send_large, u8(i)).then(op::take_message).then(op::reply, u8(0), u16(0));
    large.then(op::next_reply, u8(7)).then(op::release);
  }
  for (int i = 0; i < 3; ++i) large.then(op::send_large, u8(60)).then(op::withdraw, u8(0));
  to.write("large_arguments", large.written());

  program wishes;  // results in blocks: one that was asked for, then in the spare one
  wishes.then(op::send, u8(1)).then(op::wish, u32(100'000)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(1));
  wishes.then(op::take_message).then(op::take_message).then(op::reply_in_block, u8(1), u32(90'000));
  wishes.then(op::next_reply, u8(11)).then(op::release);
  wishes.then(op::send, u8(1)).then(op::reply_in_block, u8(0), u32(100'000)).then(op::next_reply, u8(11));
  wishes.then(op::release);
  to.write("wishes", wishes.written());

  program grown;  // a result that grows; the larger spare one replaces the smaller
  for (const unsigned bytes : {70'000U, 200'000U, 100'000U}) {
    grown.then(op::send, u8(1))
        .then(op::wish, u32(bytes / 2))
        .then(op::next_reply, u8(0))
        .then(op::answer_wish, u8(1));
    grown.then(op::wish, u32(bytes)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(1));
    grown.then(op::reply_in_block, u8(1), u32(bytes)).then(op::next_reply, u8(12)).then(op::release);
  }
  to.write("grown", grown.written());

  program refused;
  refused.then(op::send, u8(1)).then(op::wish, u32(100'000)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(0));
  one_call(refused, 1);
  to.write("refused", refused.written());

  program many_wishes;
  many_wishes.then(op::send, u8(1));
  for (int i = 0; i < 50; ++i)
    many_wishes.then(op::wish, u32(8))
        .then(op::next_reply, u8(0))
        .then(op::answer_wish, u8(1))
        .then(op::take_message);
  to.write("many_wishes", many_wishes.written());

  program round;  // once round both rings: large payloads, few of them in the input (what is missing is 0)
  for (int i = 0; i < 80; ++i) {
    round.then(op::send, u8(255)).then(op::write_word, u8(offsetof(pd::link_memory, bed) / 8), u64(1)).then(op::wake);
    round.then(op::reply, u8(0), u16(20)).bytes(20);
    round.then(op::next_reply, u8(7)).then(op::release);
  }
  to.write("round", round.written());

  program left;
  left.then(op::forget_worker_ends).then(op::leave).then(op::send_large, u8(1));
  one_call(left);
  to.write("left", left.written());

  // Wrong ones, so that each way of being wrong has been seen.
  const auto wrong = [&](const char* name, unsigned size, unsigned kind, unsigned in_block, std::uint64_t sequence,
                         std::uint64_t published) {
    program p;
    p.then(op::send, u8(1)).then(op::write_header, u8(0), u32(size), u16(kind), u8(in_block), u8(0), u64(sequence));
    p.then(op::publish_at, u64(published)).then(op::next_reply, u8(0));
    to.write(name, p.written());
  };
  wrong("wrong_kind", 8, 9, 0, 1, 32);
  wrong("wrong_size", 9, 2, 0, 1, 32);
  wrong("wrong_large_size", 17'000, 2, 0, 1, 32 * 1024);
  wrong("wrong_number", 8, 2, 0, 2, 32);
  wrong("wrong_place", 8, 2, 2, 1, 32);
  wrong("wrong_filler", 8, 0, 0, 1, 64);
  wrong("wrong_block", 16, 2, 1, 1, 64);
  wrong("wrong_block_name", 8, 2, 1, 1, 32);
  wrong("wrong_wish", 4, 1, 0, 1, 32);
  wrong("wrong_publishing", 8, 2, 0, 1, 33);
  wrong("wrong_far_publishing", 8, 2, 0, 1, std::uint64_t{1} << 40);

  // At the same time.
  program racing;
  for (int i = 0; i < 30; ++i) racing.then(op::send, u8(1));
  for (int i = 0; i < 30; ++i) racing.then(op::reply, u8(0), u16(8)).bytes(8);
  // Sizes and kinds of headers to come, then right ones again.
  racing.then(op::rewrite, u8(5));
  for (const auto size : {8u, 9u, 8u, 0xffff'ffffu, 8u, 8u})
    racing.then(static_cast<op>(4), u64(std::uint64_t{2} << 32 | size));
  for (int i = 0; i < 30; ++i) racing.then(op::next_reply, u8(i)).then(op::release);
  to.write("racing_headers", racing.written());

  program words;
  words.then(op::rewrite, u8(7));
  for (unsigned at = 0; at < 8; ++at) words.then(static_cast<op>(128 + at * 16), u64(at % 3));
  for (int i = 0; i < 10; ++i) words.then(op::send, u8(1)).then(op::wake).then(op::has_room, u32(8));
  for (int i = 0; i < 10; ++i) words.then(op::is_taken, u8(i)).then(op::withdraw, u8(i)).then(op::ask_to_stop, u8(0));
  to.write("racing_words", words.written());

  program pages;
  pages.then(op::send, u8(1)).then(op::give_back, u16(0), u16(200));
  one_call(pages);
  to.write("given_back_pages", pages.written());
}

}  // namespace fuzz
