#include <plait/processes/internal/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "hostile_descriptors.hpp"
#include "link_program.hpp"
#include "results.hpp"
#include "seeds.hpp"

namespace fuzz {

namespace pd = plait::detail;

namespace {

template <class T> constexpr std::uint8_t kind_of_result() {
  std::uint8_t found = 0;
  const auto look = [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((std::is_same_v<std::tuple_element_t<I, results>, T> ? void(found = I) : void()), ...);
  };
  look(std::make_index_sequence<kinds_of_results>());
  return found;
}

// An answer that is a shared buffer, beside so many descriptors of a kind.
program& one_buffer(program& p, unsigned kind, unsigned count = 1, std::uint32_t place = 0) {
  using op = operation;
  p.then(op::send, u8(1)).then(op::lend, u8(kind), u8(count));
  p.then(op::reply, u8(0), u16(12), u64(4096), place);
  return p.then(op::next_reply, kind_of_result<plait::shared_buffer>()).then(op::release);
}

}  // namespace

void write_link_buffers(const folder& to) {
  using op = operation;
  using descriptors = hostile_descriptors;
  program lent;  // the program's own too, which it knows
  for (unsigned i = 0; i < 4; ++i) one_buffer(lent, i % 2 == 0 ? descriptors::right : descriptors::the_programs);
  to.write("lent", lent.written());

  program kinds;  // the worker goes on after each that is none
  for (unsigned kind = 0; kind < descriptors::kinds; ++kind) one_buffer(kinds, kind);
  to.write("lent_of_all_kinds", kinds.written());

  program many;
  many.then(op::send, u8(1)).then(op::lend, u8(descriptors::right), u8(250));
  many.then(op::lend, u8(descriptors::right_of_two_pages), u8(2)).then(op::reply, u8(0), u16(0));
  many.then(op::next_reply, u8(7)).then(op::release);
  to.write("lent_in_two_messages", many.written());

  program missing;
  one_buffer(missing, descriptors::right, 1, 1);  // there is no second one
  missing.then(op::give_back_lent, u8(descriptors::right));
  one_buffer(missing, descriptors::right);
  to.write("lent_without_pages", missing.written());

  program asked;
  asked.then(op::send_lending, u16(3)).then(op::take_message).then(op::reply, u8(0), u16(0));
  asked.then(op::next_reply, u8(7)).then(op::release);
  asked.then(op::send_lending, u16(600)).then(op::withdraw, u8(0));
  for (int i = 0; i < 4; ++i) asked.then(op::take_message);
  asked.then(op::pass_over).then(op::send_lending, u16(1));
  to.write("lending", asked.written());

  program full;  // until there is no room in the socket
  for (int i = 0; i < 40; ++i) full.then(op::send_lending, u16(1)).then(op::withdraw, u8(0));
  to.write("lending_without_end", full.written());

  const auto wrong = [&](const char* name, unsigned kind, unsigned call, unsigned bytes, unsigned counted) {
    program p;
    p.then(op::send, u8(1)).then(op::write_control, u32(kind), u64(call), u8(descriptors::right), u8(2), u8(bytes));
    p.then(op::write_header, u8(0), u32(0), u16(2), u8(0), u8(counted), u64(1)).then(op::publish_at, u64(32));
    to.write(name, p.then(op::next_reply, u8(7)).written());
  };
  constexpr auto lend = static_cast<unsigned>(pd::control_kind::lend);
  constexpr unsigned whole = sizeof(pd::control_message);
  wrong("wrong_lend_kind", lend - 1, 1, whole, 1);
  wrong("wrong_lend_call", lend, 2, whole, 1);
  wrong("wrong_lend_size", lend, 1, whole - 1, 1);
  wrong("wrong_lend_empty", lend, 1, 0, 1);
  wrong("wrong_lend_count", lend, 1, whole, 2);
  wrong("wrong_lend_many", lend, 1, whole, pd::most_lends + 1);
  wrong("lend_that_nobody_counts", lend, 1, whole, 0);
}

}  // namespace fuzz
