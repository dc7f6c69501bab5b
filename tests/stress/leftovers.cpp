#include "leftovers.hpp"

#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

namespace stress {
namespace {

constexpr const char* variable = "PLAIT_STRESS_RUN";
std::string marker;

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct process {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::string name;
};

// /proc/PID/stat: "PID (NAME) STATE PARENT …", and a name may hold anything.
std::optional<process> look_at(pid_t pid) {
  const auto stat = contents_of("/proc/" + std::to_string(pid) + "/stat");
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos || close + 4 >= stat.size()) return std::nullopt;
  process found{.pid = pid, .state = stat[close + 2], .name = stat.substr(open + 1, close - open - 1)};
  std::from_chars(stat.data() + close + 4, stat.data() + stat.size(), found.parent);
  return found;
}

std::vector<process> all_processes() {
  std::vector<process> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().native();
    if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    if (auto one = look_at(static_cast<pid_t>(std::stol(name)))) all.push_back(std::move(*one));
  }
  return all;
}

std::vector<std::string> look_for_leftovers() {
  std::vector<std::string> found;
  const auto server = plait::detail::server_pid();
  for (const auto& each : all_processes()) {
    if (each.pid == ::getpid() || each.pid == server) continue;
    const bool child = each.parent == ::getpid() || (server != 0 && each.parent == server);
    if (!child && !is_descendant(each.pid)) continue;
    found.push_back("process " + std::to_string(each.pid) + " (" + each.name + "), " +
                    (each.state == 'Z' ? "a zombie, " : "") + "child of " + std::to_string(each.parent));
  }
  return found;
}

template <class Is> std::size_t count_entries(const std::string& folder, Is is) {
  std::error_code none;
  std::filesystem::directory_iterator entries(folder, none);
  return static_cast<std::size_t>(std::count_if(begin(entries), end(entries), is));
}

bool is_memfd(const std::filesystem::directory_entry& descriptor) {
  std::error_code gone;  // the iterator's own
  return std::filesystem::read_symlink(descriptor, gone).native().starts_with("/memfd:");
}

belongings::of_process look_at_process(pid_t pid) {
  const auto folder = "/proc/" + std::to_string(pid);
  belongings::of_process found;
  found.descriptors = count_entries(folder + "/fd", [](const auto&) { return true; });
  found.memfds = count_entries(folder + "/fd", is_memfd);
  std::ifstream maps(folder + "/maps");
  for (std::string line; std::getline(maps, line);) found.mappings += line.find("/memfd:") != line.npos;
  return found;
}

std::string to_text(const belongings::of_process& one) {
  return std::to_string(one.descriptors) + " descriptors (" + std::to_string(one.memfds) + " of memfds), " +
         std::to_string(one.mappings) + " mappings of shared memory";
}

bool is_within(const belongings::of_process& now, const belongings::of_process& before) {
  return now.descriptors <= before.descriptors && now.memfds <= before.memfds && now.mappings <= before.mappings;
}

constexpr auto patience = std::chrono::seconds(20);
constexpr auto between_looks = std::chrono::milliseconds(10);

}  // namespace

void mark_descendants() {
  marker =
      std::to_string(::getpid()) + "." + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
  ::setenv(variable, marker.c_str(), 1);
  marker = std::string(variable) + "=" + marker;
}

bool is_descendant(pid_t pid) {
  const auto environment = contents_of("/proc/" + std::to_string(pid) + "/environ");
  return pid != ::getpid() && environment.find(marker) != environment.npos;
}

belongings look_at_belongings() {
  belongings all;
  all.program = look_at_process(::getpid());
  if (const auto server = plait::detail::server_pid(); server != 0) all.server = look_at_process(server);
  all.shared_objects = count_entries(
      "/dev/shm", [](const auto& entry) { return entry.path().native().find("plait") != std::string::npos; });
  return all;
}

belongings settled_belongings() {
  auto last = look_at_belongings();
  for (;;) {
    std::this_thread::sleep_for(between_looks);
    const auto now = look_at_belongings();
    if (now == last && now.server.memfds == 0) return now;
    last = now;
  }
}

std::string to_text(const belongings& all) {
  return to_text(all.program) + "; the server: " + to_text(all.server) + "; " + std::to_string(all.shared_objects) +
         " objects in /dev/shm";
}

bool has_no_more_than(const belongings& before, belongings& now) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    now = look_at_belongings();
    if (now.program != before.program || now.shared_objects != before.shared_objects) return false;
    if (is_within(now.server, before.server)) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(between_looks);
  }
}

std::vector<std::string> leftover_processes() {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto found = look_for_leftovers();
    if (found.empty() || std::chrono::steady_clock::now() > end) return found;
    std::this_thread::sleep_for(between_looks);
  }
}

bool kill_descendant(pid_t pid, int signal) {
  const plait::detail::unique_fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // The number could be another's by now; once it is open it is this one's, or of nobody.
  if (!pidfd || !is_descendant(pid)) return false;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace stress
