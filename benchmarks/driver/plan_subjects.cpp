// Who is measured.
#include <utility>

#include "benchmarks/driver/plan.hpp"

namespace bench {
namespace {

using strings = std::vector<std::string>;

subject ours(std::string name, worker_kind workers, std::filesystem::path program, strings acts = {},
             strings options = {}) {
  return {.name = std::move(name),
          .program = std::move(program),
          .interpreter = {},
          .options = std::move(options),
          .needs = {},
          .workers = workers,
          .acts = std::move(acts)};
}

struct package {
  package(const char* name) : text(name) {}
  std::string text;
  bool further = false;
};
// What only `./bench --peers` installs.
package further(const char* name) {
  package made(name);
  made.text += ", by ./bench --peers";
  made.further = true;
  return made;
}

subject peer(std::string name, worker_kind workers, std::filesystem::path program, pace speed, package needs,
             strings acts = {}, strings options = {}) {
  return {.name = std::move(name),
          .program = std::move(program),
          .interpreter = {},
          .options = std::move(options),
          .speed = speed,
          .needs = std::move(needs.text),
          .further = needs.further,
          .workers = workers,
          .acts = std::move(acts)};
}

strings with(strings acts, const strings& others) {
  acts.insert(acts.end(), others.begin(), others.end());
  return acts;
}

subject without(strings too_long, subject s) {
  s.too_long = std::move(too_long);
  return s;
}

subject java(worker_kind workers, std::filesystem::path program, strings acts) {
  auto needs = further("default-jdk-headless");
  return {.name = "java",
          .program = std::move(program),
          .interpreter = {"/usr/bin/java", "-jar"},
          .options = {},
          .speed = pace::asio,
          .needs = std::move(needs.text),
          .further = needs.further,
          .workers = workers,
          .acts = std::move(acts)};
}

subject in_python(std::string name, worker_kind workers, std::filesystem::path program, package needs, strings acts) {
  return {.name = std::move(name),
          .program = std::move(program),
          .interpreter = {"/usr/bin/python3"},
          .options = {},
          .speed = pace::python,
          .needs = std::move(needs.text),
          .further = needs.further,
          .workers = workers,
          .acts = std::move(acts)};
}

subject python(worker_kind workers, std::filesystem::path program) {
  return in_python("python", workers, std::move(program), "python3", {});
}

}  // namespace

std::vector<subject> all_subjects(const std::filesystem::path& folder) {
  using enum worker_kind;
  const strings offload{"lat", "thr", "eff", "late"};
  const strings no_coroutines{"lat", "thr", "eff", "loops", "at_once", "naps", "mem_call"};
  const strings pool_of_python{"lat", "thr", "map", "payload"};
  const strings large{"of 1 GiB", "of 64 MiB by value to a process and back, one core"};
  const strings largest{"vector of 1 GiB"};
  const strings many{"32 workers", "64 workers"};
  const strings spinning{"--spin-us=5"};
  return {
      ours("plait", threads, folder / "plait_offload"),
      // Its runtime has one loop.
      ours("limit", threads, folder / "limit_offload",
           {"lat", "thr", "eff", "late", "at_once", "naps", "mem_call", "mem_sleep", "switch"}),
      ours("limit_spin", threads, folder / "limit_offload", offload, spinning),
      peer("asio", threads, folder / "peer_asio", pace::asio, "libasio-dev", {}, {"--form=co_spawn"}),
      peer("asio_post", threads, folder / "peer_asio", pace::asio, "libasio-dev",
           {"lat", "thr", "eff", "late", "loops", "at_once", "mem_call"}, {"--form=post"}),
      // It has no coroutines.
      without(many, peer("libuv", threads, folder / "peer_libuv", pace::native, "libuv1-dev",
                         {"lat", "thr", "eff", "late", "mem_call"})),
      // It has no coroutines either, and no timers.
      peer("tbb", threads, folder / "peer_tbb", pace::asio, further("libtbb-dev"), no_coroutines),
      // Its runtime has no loops that could share a pool.
      peer("go", threads, folder / "peer_go", pace::native, further("golang-go"),
           {"lat", "thr", "eff", "late", "at_once", "naps", "mem_call", "mem_sleep", "switch"}),
      java(threads, folder / "peer_java.jar", no_coroutines),
      peer("tokio", threads, folder / "peer_tokio", pace::asio, further("cargo and librust-tokio-dev")),
      python(threads, folder / "peer_python.py"),

      ours("plait", processes, folder / "plait_processes"),
      ours("limit", processes, folder / "limit_processes"),
      ours("limit_spin", processes, folder / "limit_processes", {"lat", "thr"}, spinning),
      // It starts no processes, and shares no memory.
      without(largest, peer("zeromq", processes, folder / "peer_zmq", pace::asio, "libzmq3-dev",
                            {"lat", "thr", "map", "payload"})),
      // Its ranks are there before it can measure their start; those that wait take the cores from those that copy.
      without(large, peer("openmpi", processes, folder / "peer_mpi", pace::asio,
                          further("libopenmpi-dev and openmpi-bin"), {"lat", "thr", "map", "payload", "shared"})),
      // Its fork server knows nothing of how large the program is.
      without(with(largest, {"from a program of 1 GiB"}), python(processes, folder / "peer_python_processes.py")),
      // Ranks that wait take the cores here too; a worker of loky's takes a good part of a second to start.
      without(with(large, many),
              in_python("mpi4py", processes, folder / "peer_mpi4py.py", further("python3-mpi4py"), pool_of_python)),
      without(large, in_python("pebble", processes, folder / "peer_pebble.py", further("python3-pebble"),
                               with(pool_of_python, {"start", "naps"}))),
      without(with(large, many), in_python("loky", processes, folder / "peer_loky.py", further("python3-joblib"),
                                           with(pool_of_python, {"start_spawn", "naps"}))),

      ours("plait", none, folder / "plait_loop"),
      // Beneath what tasks share and how they wait lies the switch of tasks, which is asked for by itself.
      ours("limit", none, folder / "limit_loop", {"timers"}),
      peer("asio", none, folder / "peer_asio_loop", pace::asio, "libasio-dev", {"timers", "timers_cancel", "queue"}),
      python(none, folder / "peer_python_loop.py"),
  };
}

}  // namespace bench
