// Thumbnails of the JPEG and PNG files in a folder that nobody vouches for. libjpeg and libpng run in processes that
// may do nothing but compute:
//
//    loop        make, for as many files at a time as there are workers
//                  │ ▲             │ ▲              │ ▲
//    threads     read_file         │ │            write_png ──► OUT/NAME.png
//    processes                make_thumbnail
//
// Guarantees
// - Whatever a file does to its decoder, it does to one process, which has no files, no network, no other process in
//   reach, bounded memory, bounded time, and no second file to spoil.
// - What comes back is pixels, and these are counted before they are used. Each thumbnail is a PNG file that was
//   written by a process that never decoded one.
// - In memory are as many files as there are workers, and a line of the table for each.
//
// Try it on files that crash, hang and break out; thumbnails/planted_bugs.hpp says how much of that is real:
//
//    thumbnails --generate pictures && thumbnails pictures small
//
// Exit status: 0: each file has its thumbnail; 1: the table names some that have none; 2: a wrong command.
#include <plait/plait.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "thumbnails/decode.hpp"
#include "thumbnails/files.hpp"
#include "thumbnails/generate.hpp"
#include "thumbnails/picture.hpp"
#include "thumbnails/progress_bar.hpp"
#include <CLI/CLI.hpp>

namespace fs = std::filesystem;

struct command_line {
  bool generate = false;
  fs::path folder;
  fs::path out;
  int size = 128;
  std::optional<int> workers;
  double timeout = 10;  // seconds
};

plait::process_pool_options for_foreign_files(std::optional<int> workers) {
  return {
      .max_workers = workers,
      // A process that a file has taken over gets no other file. A new one costs a few milliseconds; leave this out
      // where all files come from one hand.
      .max_tasks_per_child = 1,
      // With twice as much it is killed. The largest picture that is decoded takes 150 MB.
      .worker_memory_limit = std::size_t{256} << 20,
      .cancel = plait::cancel_mode::kill,  // Ctrl-C does not wait for a decoder that hangs
      .sandbox = plait::sandbox::compute,
  };
}

std::string how_it_died(const plait::worker_died& death) {
  if (death.signal() == 0) return fmt::format("left by exit code {}", death.exit_code());
  const char* const name = sigabbrev_np(death.signal());
  const auto& why = death.cause().empty() ? death.fault() : death.cause();
  return fmt::format("killed by SIG{}{}{}", name ? name : "?", why.empty() ? "" : ": ", why);
}

/// For a line of a terminal, whatever a file's name or a decoder's message has in it.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return text;
}

class thumbnails {
 public:
  thumbnails(plait::process_pool_executor& decoders, const progress_bar& bar, const command_line& given)
      : decoders_(decoders), bar_(bar), given_(given) {
    for (const auto& found : fs::directory_iterator(given.folder))
      if (found.is_regular_file()) files_.push_back({.name = found.path().filename().native()});
    std::ranges::sort(files_, {}, &entry::name);
  }

  plait::task<void> make_all() {
    bar_.draw(done_, files_.size());
    co_await plait::with_task_group([this](plait::task_group& lanes) {
      for (int i = 0; i < decoders_.max_workers(); ++i) lanes.create_task(lane());
    });
  }

  /// How many files have no thumbnail.
  [[nodiscard]] std::ptrdiff_t print_table() const {
    std::size_t width = 0;
    for (const auto& file : files_) width = std::max(width, file.name.size());
    for (const auto& file : files_)
      fmt::print("{:<{}}  {:<6}  {}\n", printable(file.name), width, file.made ? "ok" : "failed",
                 printable(file.result));
    const auto made = std::ranges::count(files_, true, &entry::made);
    const auto failed = std::ssize(files_) - made;
    fmt::print("{} thumbnails, {} files have none\n", made, failed);
    return failed;
  }

 private:
  struct entry {
    std::string name;
    bool made = false;
    std::string result = {};
  };

  // As many of these as workers: no call waits in the pool's queue, where its time would run already.
  plait::task<void> lane() {
    while (next_ < files_.size()) {
      auto& file = files_[next_++];
      co_await make(file);
      bar_.draw(++done_, files_.size());
    }
  }

  // There are no retries: a file that has killed its decoder would do it again.
  plait::task<void> make(entry& file) {
    try {
      const auto path = given_.folder / file.name;
      auto content = co_await plait::to_thread(read_file, path);
      const auto sent = co_await plait::settled(decoders_.submit({.timeout = timeout_, .name = file.name},
                                                                 make_thumbnail, std::move(content), given_.size));
      const auto& made = checked(sent);
      const auto out = given_.out / (file.name + ".png");
      co_await plait::to_thread(write_png, out, made.small);
      file.result = fmt::format("{}x{} -> {}x{}", made.width, made.height, made.small.width, made.small.height);
      file.made = true;
    } catch (const plait::sandbox_violation& violation) {
      file.result = fmt::format("killed: its sandbox forbids {}", violation.system_call());
    } catch (const plait::worker_died& death) {
      file.result = how_it_died(death);
    } catch (const plait::timeout_error&) {
      file.result = fmt::format("killed: not done after {:g} s", given_.timeout);
    } catch (const std::system_error& error) {
      file.result = error.code().message();
    } catch (const std::exception& error) {
      file.result = error.what();
    }
  }

  // A decoder that was taken over sends what it likes.
  [[nodiscard]] const thumbnail& checked(const plait::outcome<thumbnail>& sent) const {
    if (sent.cancelled()) throw std::runtime_error("its decoder gave up");  // a cancel of ours does not come here
    const auto& small = sent.value().small;
    const auto fits = [this](int side) { return side >= 1 && side <= given_.size; };
    if (!fits(small.width) || !fits(small.height) || small.pixels.size() != place_of(small, 0, small.height))
      throw std::runtime_error("its decoder sent no picture");
    return sent.value();
  }

  static void write_png(const fs::path& path, const picture& shown) { write_file(path, encode_png(shown)); }

  plait::process_pool_executor& decoders_;
  const progress_bar& bar_;
  const command_line& given_;
  const plait::nanoseconds timeout_ =
      std::chrono::duration_cast<plait::nanoseconds>(std::chrono::duration<double>(given_.timeout));
  std::vector<entry> files_;  // by their names
  std::size_t next_ = 0;
  std::size_t done_ = 0;
};

/// Nothing where it has been answered, with the exit status in `status`.
std::optional<command_line> parse(int argc, char** argv, int& status) {
  command_line given;
  CLI::App app("Thumbnails of the JPEG and PNG files in FOLDER, as OUT/NAME.png; decoded in sandboxed processes.",
               "thumbnails");
  app.add_option("FOLDER", given.folder)->required();
  app.add_option("OUT", given.out, "Is made where it is not there");
  app.add_flag("--generate", given.generate, "Fill FOLDER with pictures, and with broken and hostile files; no OUT");
  app.add_option("--size", given.size, "Of the longer side, in pixels")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--workers", given.workers, "How many decode at a time (default: by the number of CPUs)")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--timeout", given.timeout, "Seconds that a file may take")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (given.out.empty() != given.generate) throw CLI::RequiredError("either OUT or --generate");
    return given;
  } catch (const CLI::ParseError& e) {
    status = app.exit(e) == 0 ? 0 : 2;
    return std::nullopt;
  }
}

int main(int argc, char** argv) {
  int status = 0;
  const auto given = parse(argc, argv, status);
  if (!given) return status;
  const progress_bar bar;
  try {
    if (given->generate) {
      generate(given->folder);
      return 0;
    }
    plait::process_pool_executor decoders(for_foreign_files(given->workers));
    thumbnails all(decoders, bar, *given);
    fs::create_directories(given->out);
    plait::run(all.make_all());
    bar.hide();
    return all.print_table() == 0 ? 0 : 1;
  } catch (const plait::interrupted_error&) {
    bar.hide();
    return 130;  // as shells call what Ctrl-C ended
  } catch (const std::exception& e) {
    bar.hide();
    fmt::print(stderr, "thumbnails: {}\n", e.what());
    return 1;
  }
}
