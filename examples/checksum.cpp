// SHA-256 of every regular file of a tree, in the form that sha256sum writes and checks. Coroutines walk the tree and
// write the lines; what blocks (reading a folder's names, a file's bytes) is a call in the executor:
//
//     loop       walk ─────────► on_their_way_, in the order of the output ─────────► stdout
//                 │ ▲                        │ ▲
//     executor   list_folder               digest_file
//
// Guarantees
// - The order is that of the paths' bytes, whatever the number of workers.
// - In memory are the names of the folders on the way from the root to where the walk is, and read_ahead files: never
//   the tree.
#include <plait/plait.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "checksum/blocking_calls.hpp"
#include "checksum/progress_bar.hpp"
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;

/// As sha256sum does it; a line whose name needed it begins with a backslash.
std::string escaped(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (c == '\\')
      result += "\\\\";
    else if (c == '\n')
      result += "\\n";
    else if (c == '\r')
      result += "\\r";
    else
      result += c;
  }
  return result;
}

std::string reason(const std::exception_ptr& error) {
  if (!error) return "cancelled";
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code().message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

class checksums {
 public:
  checksums(plait::executor& pool, progress_bar& bar) noexcept : pool_(pool), bar_(bar) {}

  /// All under `root`, which ends with a '/'.
  plait::task<void> write_all(std::string root) {
    co_await walk(std::move(root));
    while (!on_their_way_.empty()) co_await write_first();
    flush();
  }

  [[nodiscard]] int unread_files() const noexcept { return unread_files_; }
  [[nodiscard]] int unread_folders() const noexcept { return unread_folders_; }

 private:
  // How many files are read or waited for while the first of them is not done. An arbitrary number: behind a file
  // that takes long, the other workers get no further than this; each file costs less than a kilobyte.
  static constexpr std::size_t read_ahead = 1024;

  struct file {
    std::string path;
    plait::future<digest> sum;
  };

  plait::task<void> walk(std::string folder) {
    // Before the files that wait: they are what the workers do meanwhile.
    const auto names = co_await plait::settled(pool_.submit({.priority = 1}, list_folder, folder));
    if (!names) {
      ++unread_folders_;
      report(folder, names.exception());
      co_return;
    }
    for (const auto& name : names.value()) {
      auto path = folder + name;
      if (name.ends_with('/')) {
        co_await walk(std::move(path));
        continue;
      }
      while (on_their_way_.size() >= read_ahead || first_is_done()) co_await write_first();
      auto sum = pool_.submit(digest_file, path);
      on_their_way_.emplace_back(std::move(path), std::move(sum));
    }
  }

  [[nodiscard]] bool first_is_done() const { return !on_their_way_.empty() && on_their_way_.front().sum.done(); }

  plait::task<void> write_first() {
    if (!first_is_done()) flush();
    // What is done is taken without suspending: where the workers are faster, the bar would not get its turn.
    if (++taken_ % 64 == 0) co_await plait::sleep(0s);
    auto first = std::move(on_their_way_.front());
    on_their_way_.pop_front();
    const auto sum = co_await plait::settled(std::move(first.sum));
    bar_.done(sum ? sum.value().bytes : 0);
    if (sum) {
      write(first.path, sum.value());
    } else {
      ++unread_files_;
      report(first.path, sum.exception());
    }
  }

  // Writing blocks the loop only where nobody reads the output, and then there is nothing else to do.
  void write(const std::string& path, const digest& sum) {
    if (output_is_terminal_) bar_.hide();
    const auto name = escaped(path);
    const auto line = fmt::format("{}{}  {}\n", name == path ? "" : "\\", sum.hex, name);
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) throw_output_error();
  }
  static void flush() {
    if (std::fflush(stdout) != 0) throw_output_error();
  }
  [[noreturn]] static void throw_output_error() {
    throw std::system_error(errno, std::generic_category(), "standard output");
  }

  void report(const std::string& path, const std::exception_ptr& error) {
    bar_.hide();
    std::fputs(fmt::format("checksum: {}: {}\n", escaped(path), reason(error)).c_str(), stderr);
  }

  plait::executor& pool_;
  progress_bar& bar_;
  bool output_is_terminal_ = isatty(STDOUT_FILENO) == 1;
  std::deque<file> on_their_way_;
  std::uint64_t taken_ = 0;
  int unread_files_ = 0;
  int unread_folders_ = 0;
};

plait::task<void> keep_drawing(progress_bar& bar) {
  for (;;) {
    co_await plait::sleep(100ms);
    bar.draw();
  }
}

std::vector<std::string> take_last(std::vector<std::string>& from, std::ptrdiff_t at_most) {
  const auto first = from.end() - std::min(std::ssize(from), at_most);
  std::vector<std::string> taken(std::make_move_iterator(first), std::make_move_iterator(from.end()));
  from.erase(first, from.end());
  return taken;
}

/// Goes ahead of the walk, for the time left. A call measures several folders, since there are many small ones.
plait::task<void> measure(plait::executor& pool, progress_bar& bar, std::string root) {
  std::vector<std::string> folders;
  folders.push_back(std::move(root));
  while (!folders.empty()) {
    const auto found = co_await pool.submit({.priority = 1}, measure_folders, take_last(folders, 64));
    bar.found(found.files, found.bytes);
    folders.insert(folders.end(), found.folders.begin(), found.folders.end());
  }
  bar.all_found();
}

plait::task<void> run(plait::executor& pool, progress_bar& bar, checksums& sums, std::string root) {
  if (bar.on_terminal()) {
    bar.draw();
    auto& loop = plait::get_running_loop();
    std::ignore = loop.create_task(keep_drawing(bar));
    std::ignore = loop.create_task(measure(pool, bar, root));
  }
  co_await sums.write_all(std::move(root));
}

// ── the program ──

using make_executor = std::unique_ptr<plait::executor> (*)(std::optional<int> workers);

/// By their names on the command line. Nothing else in this program depends on which it is.
const std::map<std::string, make_executor> executors{
    {"thread",
     [](std::optional<int> workers) -> std::unique_ptr<plait::executor> {
       return std::make_unique<plait::thread_pool_executor>(plait::thread_pool_options{.max_workers = workers});
     }},
    {"process", [](std::optional<int> workers) -> std::unique_ptr<plait::executor> {
       return std::make_unique<plait::process_pool_executor>(plait::process_pool_options{.max_workers = workers});
     }}};

struct command_line {
  std::string executor = "thread";
  std::optional<int> workers;
  std::string folder = "/usr/include";
};

/// Nothing where it has been answered, with the exit status in `status`.
std::optional<command_line> parse(int argc, char** argv, int& status) {
  command_line given;
  CLI::App app("SHA-256 of every regular file under DIR, as sha256sum writes and checks it.", "checksum");
  app.add_option("--executor", given.executor, "What runs the blocking calls")
      ->check(CLI::IsMember(executors))
      ->capture_default_str();
  app.add_option("--workers", given.workers, "How many at a time (default: by the number of CPUs)")
      ->check(CLI::Range(1, 10'000));
  app.add_option("DIR", given.folder)->check(CLI::ExistingDirectory)->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    status = app.exit(e) == 0 ? 0 : 2;
    return std::nullopt;
  }
  if (!given.folder.ends_with('/')) given.folder += '/';
  return given;
}

int main(int argc, char** argv) {
  if (fcntl(STDOUT_FILENO, F_GETFD) == -1) return 1;  // closed: a descriptor of ours would take its place
  std::signal(SIGPIPE, SIG_IGN);                      // a reader that has gone is an error of write()
  int status = 0;
  const auto given = parse(argc, argv, status);
  if (!given) return status;

  const auto pool = executors.at(given->executor)(given->workers);
  progress_bar bar;
  checksums sums(*pool, bar);
  try {
    plait::run(run(*pool, bar, sums, given->folder));
    bar.finish();
  } catch (const plait::interrupted_error&) {
    bar.hide();
    status = 130;  // as shells call what Ctrl-C ended
  } catch (const std::exception& e) {
    bar.hide();
    const auto* const error = dynamic_cast<const std::system_error*>(&e);
    const bool reader_has_gone = error && error->code() == std::errc::broken_pipe;
    if (!reader_has_gone) std::fputs(fmt::format("checksum: {}\n", e.what()).c_str(), stderr);
    status = 1;
  }
  pool->shutdown(plait::shutdown_mode::kill);  // after an error files still wait: nobody wants them

  if (sums.unread_files() + sums.unread_folders() > 0) {
    std::fputs(
        fmt::format("checksum: could not read {} files and {} folders\n", sums.unread_files(), sums.unread_folders())
            .c_str(),
        stderr);
    status = 1;
  }
  return status;
}
