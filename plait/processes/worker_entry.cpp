#include <plait/processes/internal/server.hpp>
#include <plait/processes/internal/server_exec.hpp>
#include <plait/processes/internal/server_worker.hpp>
#include <plait/processes/internal/takeover.hpp>
#include <plait/processes/worker_entry.hpp>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/auxv.h>

namespace plait::inline PLAIT_ABI {
namespace detail {
namespace {

constinit takeover_state taken_over;

struct parsed_mark {
  std::string_view role;
  std::vector<int> descriptors;
  std::string_view name;
};

// "worker:5,7:name". Descriptors that are not open are a mark that nobody of ours has set.
bool parse(std::string_view text, parsed_mark& mark) {
  const auto colon = text.find(':');
  if (colon == text.npos) return false;
  mark.role = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  const auto end = text.find(':');
  mark.name = end == text.npos ? std::string_view{} : text.substr(end + 1);
  auto numbers = text.substr(0, end);
  while (!numbers.empty()) {
    int number = -1;
    const auto [rest, error] = std::from_chars(numbers.begin(), numbers.end(), number);
    if (error != std::errc{} || ::fcntl(number, F_GETFD) < 0) return false;
    mark.descriptors.push_back(number);
    numbers.remove_prefix(static_cast<std::size_t>(rest - numbers.begin()));
    if (!numbers.empty() && numbers.front() != ',') return false;
    if (!numbers.empty()) numbers.remove_prefix(1);
  }
  return true;
}

[[noreturn]] void become_server(const parsed_mark& mark) {
  set_process_name(mark.name);
  for (const int descriptor : mark.descriptors) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  run_server(private_fd(unique_fd(mark.descriptors[0])), private_fd(unique_fd(mark.descriptors[1])));
}

int main_of_marked(int argc, char** argv, char** /*environment*/) {
  remember_command_line(argc, argv);
  parsed_mark mark;
  if (parse(taken_over.mark, mark)) {
    // Anew, should a static constructor have changed it: what a terminal sends to all is the program's to decide.
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP}) ::signal(signal, SIG_IGN);
    if (mark.role == "server" && mark.descriptors.size() == 2) become_server(mark);
    if (mark.role == "worker") run_worker(mark.name, std::move(mark.descriptors));
  }
  std::fprintf(stderr, "plait: %s is \"%s\", which nobody but plait may set\n", mark_variable, taken_over.mark);
  ::_exit(EXIT_FAILURE);
}

}  // namespace

takeover_state& takeover() noexcept { return taken_over; }

main_function choose_main(main_function program_main) noexcept {
  if (!taken_over.ran) {
    taken_over.ran = true;
    if (const char* const mark = std::getenv(mark_variable)) {
      if (::getauxval(AT_SECURE) == 0) taken_over.mark = ::strdup(mark);  // for as long as the process lives
      ::unsetenv(mark_variable);
    }
  }
  return taken_over.mark ? main_of_marked : program_main;
}

}  // namespace detail

void worker_entry(int argc, char** argv) {
  if (const auto marked = detail::choose_main(nullptr)) marked(argc, argv, environ);
}

}  // namespace plait::inline PLAIT_ABI
