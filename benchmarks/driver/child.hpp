// Runs one measured program to its end and reads its figures.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

// What the machine offers the program.
enum class surroundings {
  free,      // every core that bench itself may use
  one_core,  // the first of them
  hogs,      // every core, and two processes that never stop computing
};

struct figure {
  double value = 0;
  std::string unit;
};

struct outcome {
  std::map<std::string, figure> figures;  // by name
  std::string error;                      // why the program did not succeed; empty where it did
  std::string output;                     // all of stdout
};

// Blocks until the program has ended, or has been killed because `timeout` was over. Processes that it started and
// left behind in its group are killed. A program that can't be started is an outcome with an error too;
// std::system_error tells of a failure of bench's own. `input`: what it reads from stdin; empty: it has that of
// bench.
outcome run_program(const std::vector<std::string>& command, surroundings where, std::chrono::seconds timeout,
                    const std::string& input = {});

// Two processes that compute until this object ends.
class cpu_hogs {
 public:
  cpu_hogs();
  ~cpu_hogs();
  cpu_hogs(const cpu_hogs&) = delete;
  cpu_hogs& operator=(const cpu_hogs&) = delete;

 private:
  static constexpr int count = 2;
  std::vector<pid_t> pids_;
};

}  // namespace bench
