#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/processes/internal/landlock.hpp>
#include <plait/processes/internal/sandbox_filter.hpp>
#include <plait/processes/internal/sandbox_policy.hpp>

#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI {

sandbox_violation::sandbox_violation(details what_happened, std::string system_call)
    : worker_died(std::move(what_happened)), system_call_(std::move(system_call)) {}
sandbox_violation::~sandbox_violation() = default;

namespace detail {
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  auto whole = std::filesystem::absolute(path, error);
  const int found = path.empty() || error ? -1 : ::open(whole.c_str(), O_PATH | O_CLOEXEC);
  if (found < 0) throw_invalid_argument("sandbox.paths", '"' + path + '"', "files or folders that exist");
  ::close(found);
  return whole.native();
}

void note_missing_landlock() {
  static std::atomic<bool> told{false};  // pairs with nothing but itself
  if (landlock_version() > 0 || told.exchange(true, std::memory_order_relaxed)) return;
  report(severity::warning, "this kernel has no Landlock: sandboxes are seccomp's alone");
}

}  // namespace

bool is_sandboxed(const sandbox::policy& policy) noexcept { return !std::holds_alternative<sandbox::none>(policy); }

sandbox::policy checked_sandbox(const sandbox::policy& wanted) {
  if (!is_sandboxed(wanted)) return wanted;
  auto checked = wanted;
  auto* const reading = std::get_if<sandbox::read_only>(&checked);
  if (reading) {
    if (reading->paths.empty())
      throw_invalid_argument("sandbox.paths", "empty", "one path or more (else sandbox::compute)");
    for (auto& path : reading->paths) path = absolute(path);
  }
  if (const auto why = why_no_filter(); !why.empty())
    throw broken_executor("plait: workers can't be sandboxed: " + why);
  if (reading && landlock_version() <= 0)
    throw broken_executor(
        "plait: workers can't be sandboxed: sandbox::read_only needs Landlock, which this kernel has not, or has "
        "switched off (Linux 5.13 or newer; its boot parameter lsm=)");
  note_missing_landlock();
  return checked;
}

void write_policy(byte_writer& to, const sandbox::policy& policy) {
  to.put(static_cast<std::uint8_t>(policy.index()));
  const auto* const reading = std::get_if<sandbox::read_only>(&policy);
  if (!reading) return;
  to.put(static_cast<std::uint64_t>(reading->paths.size()));
  for (const auto& path : reading->paths) {
    to.put(static_cast<std::uint64_t>(path.size()));
    to.write(path.data(), path.size());
  }
}

sandbox::policy read_policy(byte_reader& from) {
  switch (from.get<std::uint8_t>()) {
    case 0:
      return sandbox::none();
    case 1:
      return sandbox::compute;
    default:
      break;
  }
  sandbox::read_only reading;
  for (auto paths = from.get<std::uint64_t>(); paths > 0; --paths) {
    const auto path = from.take(from.get<std::uint64_t>());
    reading.paths.emplace_back(reinterpret_cast<const char*>(path.data()), path.size());
  }
  return reading;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
