// What a worker is told before its first call.
#pragma once

#include <plait/observe/log_settings.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/internal/text.hpp>
#include <plait/processes/internal/sandbox_policy.hpp>

#include <cstdint>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

/// The descriptors that a worker is given behind those of its link; one that is to be sandboxed has the last too.
enum class worker_descriptor : std::uint8_t { errors, log, handover };
inline constexpr std::size_t worker_descriptors = 2;

/// Payload of the request `initialize`, before the initializer's own.
struct first_words {
  std::string thread_name;
  log_settings log;
  std::uint64_t most_pages = 0;  ///< of its own memory after a call: with more it leaves. 0: it need not measure
  plait::sandbox::policy sandbox = {};
};

inline void write(byte_writer& to, const first_words& words) {
  write_text(to, words.thread_name);
  to.put(words.log.configured);
  write_text(to, words.log.pattern);
  to.put(words.log.level);
  to.put(words.most_pages);
  write_policy(to, words.sandbox);
}
[[nodiscard]] inline first_words read_first_words(byte_reader& from) {
  first_words words;
  words.thread_name = read_text(from);
  words.log.configured = from.get<bool>();
  words.log.pattern = read_text(from);
  words.log.level = from.get<int>();
  words.most_pages = from.get<std::uint64_t>();
  words.sandbox = read_policy(from);
  return words;
}

}  // namespace plait::inline PLAIT_ABI::detail
