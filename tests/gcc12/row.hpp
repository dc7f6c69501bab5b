// What the rows share. A row is one coroutine and what is true of it: on GCC 12, of the compile-time warning, and of
// scripts/gcc12_check. table_test.py reads these words from the source; the program runs the row that argv names.
#pragma once

#include <plait/plait.hpp>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using row = plait::task<void> (*)(plait::executor&);

inline std::map<std::string, row, std::less<>>& rows() {
  static std::map<std::string, row, std::less<>> all;
  return all;
}

// ROW(name, on GCC 12, at compile time, "what gcc12_check finds")
//   on GCC 12         right; wrong: something is destroyed twice; lost: the body never runs; refused: does not
//   compile at compile time   warns; silent
#define ROW(name, on_gcc_12, at_compile_time, check)                                       \
  static plait::task<void> name(plait::executor&);                                         \
  [[maybe_unused]] static const bool name##_is_a_row = rows().emplace(#name, name).second; \
  static plait::task<void> name([[maybe_unused]] plait::executor& pool)

// On the heap, so that AddressSanitizer sees it freed twice.
inline std::string text() { return "longer than what a std::string keeps in itself"; }
inline std::string other_text() { return text() + ", and more"; }
inline plait::task<std::string> a() { co_return text(); }
inline plait::task<std::string> b() { co_return other_text(); }

inline int length(const std::string& s) { return static_cast<int>(s.size()); }

struct record {
  std::string name;
  int count = 0;
};
inline record make_record() { return {text(), 1}; }
inline int length_of(const record& r) { return length(r.name); }
inline plait::task<int> measure(record r) { co_return length_of(r); }
inline plait::task<int> measure_default(record r = {text(), 3}) { co_return length_of(r); }

// Read at run time, so that no branch is folded away.
inline volatile bool yes = true;
