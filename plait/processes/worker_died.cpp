#include <plait/portable/exceptions.hpp>
#include <plait/processes/worker_died.hpp>

#include <cstring>

namespace plait::inline PLAIT_ABI {
namespace {

// " (of 12 bytes, its arguments of 4 and 8)"
std::string sizes(const worker_died::details& d) {
  if (d.call_bytes == 0) return {};
  std::string text = " (of " + std::to_string(d.call_bytes) + " bytes";
  for (std::size_t i = 0; i < d.argument_sizes.size(); ++i) {
    const bool last = i + 1 == d.argument_sizes.size();
    text += i == 0 ? (last ? ", its argument of " : ", its arguments of ") : last ? " and " : ", ";
    text += std::to_string(d.argument_sizes[i]);
  }
  return text + ")";
}

// "plait: worker process 4711 died while it ran the call "decode" (of 4 bytes, its argument of 4): killed by signal
// 11 (SIGSEGV): address 0x10 is not mapped; its last lines on stderr: …"
std::string sentence(const worker_died::details& d) {
  std::string text = "plait: worker process " + std::to_string(d.pid) + " died while it ran ";
  text += d.call.empty() ? "this call" : "the call \"" + d.call + "\"";
  text += sizes(d);
  if (d.signal != 0) {
    const char* const name = ::sigabbrev_np(d.signal);
    text += ": killed by signal " + std::to_string(d.signal) + (name ? " (SIG" + std::string(name) + ")" : "");
  } else if (d.cause.empty()) {
    text += ": it left by exit code " + std::to_string(d.exit_code);
  }
  if (!d.fault.empty()) text += ": " + d.fault;
  if (!d.cause.empty()) text += ": " + d.cause;
  if (d.deaths > 0) text += "; " + std::to_string(d.deaths) + " workers died of this call, so it is not run again";
  if (!d.last_lines.empty()) text += "; its last lines on stderr:\n" + d.last_lines;
  return text;
}

}  // namespace

worker_died::worker_died(details what_happened)
    : std::runtime_error(sentence(what_happened)), details_(std::move(what_happened)) {}
worker_died::~worker_died() = default;

std::string worker_died::stack() const { return detail::readable_trace(details_.trace); }

}  // namespace plait::inline PLAIT_ABI
