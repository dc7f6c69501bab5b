#include <plait/processes/internal/crash_record.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crash_input.hpp"
#include "seeds.hpp"

namespace fuzz {

void write_crashes(const folder& to) {
  using record = plait::detail::crash_record;
  const auto one = [&](const char* name, int signal, unsigned flags, auto fill) {
    const auto made = std::make_unique<record>();
    std::memset(static_cast<void*>(made.get()), 0, sizeof(record));
    made->signal = static_cast<std::uint32_t>(signal);
    fill(*made);
    std::vector<std::byte> bytes{static_cast<std::byte>(signal), static_cast<std::byte>(flags)};
    const auto whole = std::as_bytes(std::span(made.get(), 1));
    bytes.insert(bytes.end(), whole.begin(), whole.end());
    while (!bytes.empty() && bytes.back() == std::byte{0}) bytes.pop_back();  // they come by themselves
    to.write(name, bytes);
  };
  const auto stack = [](record& r) {
    std::strcpy(r.names + 1, "/lib/libc.so.6");
    r.frames[0] = {.offset = 0x1234, .module = record::the_program};
    r.frames[1] = {.offset = 0x20, .module = 1};
    r.frames[2] = {.offset = 0x7f0000000000, .module = record::no_module};
    r.frame_count = 3;
  };
  constexpr auto looked_up = crash_head::is_looked_up;
  for (const int code : std::initializer_list<int>{SEGV_MAPERR, SEGV_ACCERR, SEGV_PKUERR, SI_KERNEL, 99}) {
    one(("segv_" + std::to_string(code)).c_str(), SIGSEGV, code == SEGV_MAPERR ? looked_up : 0, [&](record& r) {
      r.code = code;
      r.address = 0x10;
      stack(r);
    });
  }
  one("overflow", SIGSEGV, 0, [](record& r) {
    r.code = SEGV_MAPERR;
    r.stack_pointer = 0x7fff'0000'0000;
    r.address = r.stack_pointer - 8;
    r.frame_count = record::most_frames;
    r.deeper = 1;
  });
  for (int code = BUS_ADRALN; code <= BUS_MCEERR_AO + 1; ++code)
    one(("bus_" + std::to_string(code)).c_str(), SIGBUS, 0, [&](record& r) { r.code = code; });
  for (int code = FPE_INTDIV; code <= FPE_FLTINV + 1; ++code)
    one(("fpe_" + std::to_string(code)).c_str(), SIGFPE, 0, [&](record& r) { r.code = code; });
  one("ill", SIGILL, 0, [](record& r) { r.code = ILL_ILLOPC; });
  one("trap", SIGTRAP, 0, [](record& r) { r.code = TRAP_BRKPT; });
  one("abort", SIGABRT, 0, [&](record& r) {
    r.code = SI_TKILL;
    stack(r);
  });
  one("raised", SIGSEGV, 0, [](record& r) { r.code = SI_TKILL; });
  one("sent", SIGSEGV, 0, [](record& r) {
    r.code = SI_USER;
    r.sender = 4711;
  });
  one("sent_by_nobody", SIGSEGV, 0, [](record& r) { r.code = SI_QUEUE; });
  one("of_another_signal", SIGSEGV, 0, [](record& r) { r.signal = SIGBUS; });
  one("no_crash", SIGKILL, crash_head::says_its_signal, stack);
  one("hostile", SIGSEGV, 0, [](record& r) {
    r.frame_count = 0xffff'ffff;
    for (std::size_t i = 0; i < sizeof r.names; ++i) r.names[i] = "\033[2J\n\r\xc2\x9b\xf0\x9f\x98\x80"[i % 12];
    for (std::uint32_t i = 0; i < record::most_frames; ++i) r.frames[i] = {.offset = ~std::uint64_t{i}, .module = i};
  });
}

}  // namespace fuzz
