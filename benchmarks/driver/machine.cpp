#include "benchmarks/driver/machine.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace bench {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name") && !line.starts_with("Model")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  const auto online = sysconf(_SC_NPROCESSORS_ONLN);
  return fmt::format("{}, of which bench may use {}", online, known ? CPU_COUNT(&allowed) : online);
}

std::string kernel() {
  utsname u{};
  if (uname(&u) != 0) return "unknown";
  return fmt::format("{} {} {}", u.sysname, u.release, u.machine);
}

std::string compiler() {
#if defined(__clang__)
  return __VERSION__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string load() {
  std::array<double, 1> average{};
  return getloadavg(average.data(), 1) == 1 ? fmt::format("{:.2f} in the last minute", average[0]) : "unknown";
}

// The answer to the act `version`, "" where the program has none.
std::string version_of(const subject& s) {
  const auto said = run_program(s.command({"version"}), surroundings::free, std::chrono::seconds(10));
  if (!said.error.empty() || !said.output.starts_with("version\t")) return {};
  const auto start = said.output.find('\t') + 1;
  return said.output.substr(start, said.output.find('\t', start) - start);
}

}  // namespace

std::vector<fact> facts_of_machine(const std::vector<subject>& subjects) {
  std::vector<fact> facts;
  std::set<std::pair<std::string, std::string>> told;  // a library may be measured by several programs
  const auto fact = [&](const std::string& name, const std::string& value) {
    if (told.emplace(name, value).second) facts.push_back({name, value});
  };
  fact("CPU", cpu_model());
  fact("cores", cores());
  fact("kernel", kernel());
  fact("compiler", compiler());
  fact("load", load());
  std::set<std::filesystem::path> seen;  // several subjects may be forms of one program
  for (const auto& s : subjects) {
    if (!seen.insert(s.program).second) continue;
    if (!s.present()) {
      fact(s.name, s.needs.empty() ? fmt::format("MISSING: {} is not built", s.program.string())
                                   : fmt::format("missing (needs {}); left out", s.needs));
    } else if (const auto version = version_of(s); !version.empty()) {
      fact(s.name, version);
    }
  }
  return facts;
}

void print(std::FILE* to, const std::vector<fact>& facts) {
  for (const auto& f : facts) fmt::print(to, "{:<10}{}\n", f.name, f.value);
}

}  // namespace bench
