#include <plait/processes/worker_died.hpp>

#include <cstring>

namespace plait::inline PLAIT_ABI {
namespace {

// "plait: worker process 4711 died while it ran the call "decode": killed by signal 11 (SIGSEGV). It wrote: …"
std::string sentence(const worker_died::details& d) {
  std::string text = "plait: worker process " + std::to_string(d.pid) + " died while it ran ";
  text += d.call.empty() ? "this call" : "the call \"" + d.call + "\"";
  if (d.signal != 0) {
    const char* const name = ::sigabbrev_np(d.signal);
    text += ": killed by signal " + std::to_string(d.signal) + (name ? " (SIG" + std::string(name) + ")" : "");
  } else if (d.cause.empty()) {
    text += ": it left by exit code " + std::to_string(d.exit_code);
  }
  if (!d.cause.empty()) text += ": " + d.cause;
  if (!d.last_lines.empty()) text += "; its last lines on stderr:\n" + d.last_lines;
  return text;
}

}  // namespace

worker_died::worker_died(details what_happened)
    : std::runtime_error(sentence(what_happened)), details_(std::move(what_happened)) {}
worker_died::~worker_died() = default;

}  // namespace plait::inline PLAIT_ABI
