// ZeroMQ (https://zeromq.org): a DEALER hands messages to forked workers in turn, over ipc. It has no futures; a
// message says which stream it belongs to, as replies come in the order in which the calls end.
#include <csignal>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/measure_processes.hpp"
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

namespace {

using namespace bench;

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + zmq_strerror(zmq_errno()));
  return result;
}

class dealer {
 public:
  dealer() {
    if (context_ == nullptr || socket_ == nullptr) throw std::runtime_error("no ZeroMQ socket");
    const int unlimited = 0;
    const int at_once = 0;
    checked(zmq_setsockopt(socket_, ZMQ_SNDHWM, &unlimited, sizeof unlimited), "ZMQ_SNDHWM");
    checked(zmq_setsockopt(socket_, ZMQ_RCVHWM, &unlimited, sizeof unlimited), "ZMQ_RCVHWM");
    checked(zmq_setsockopt(socket_, ZMQ_LINGER, &at_once, sizeof at_once), "ZMQ_LINGER");
  }
  ~dealer() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  dealer(const dealer&) = delete;
  dealer& operator=(const dealer&) = delete;

  void bind(const std::string& endpoint) { checked(zmq_bind(socket_, endpoint.c_str()), "zmq_bind"); }
  void connect(const std::string& endpoint) { checked(zmq_connect(socket_, endpoint.c_str()), "zmq_connect"); }
  void send(const void* data, std::size_t size) { checked(zmq_send(socket_, data, size, 0), "zmq_send"); }
  void receive(void* data, std::size_t size) {
    require(static_cast<std::size_t>(checked(zmq_recv(socket_, data, size, 0), "zmq_recv")) == size,
            "a message of another size");
  }

  // Copies out of ZeroMQ's own message.
  block receive_block() {
    zmq_msg_t message;
    checked(zmq_msg_init(&message), "zmq_msg_init");
    checked(zmq_msg_recv(&message, socket_, 0), "zmq_msg_recv");
    const auto* const bytes = static_cast<const char*>(zmq_msg_data(&message));
    block copy(bytes, bytes + zmq_msg_size(&message));
    zmq_msg_close(&message);
    return copy;
  }

 private:
  void* const context_ = zmq_ctx_new();
  void* const socket_ = zmq_socket(context_, ZMQ_DEALER);
};

struct message {
  std::uint64_t stream;
  std::uint64_t value;
};

// ---- what a worker does, until it is killed ----

void answer_calls(dealer& parent) {
  for (message m{};;) {
    parent.receive(&m, sizeof m);
    m.value = call(m.value);
    parent.send(&m, sizeof m);
  }
}

void answer_chunks(dealer& parent) {
  for (;;) {
    block bytes = parent.receive_block();
    const std::span values(reinterpret_cast<std::uint64_t*>(bytes.data()), bytes.size() / sizeof(std::uint64_t));
    for (auto& value : values) value = call(value);
    parent.send(bytes.data(), bytes.size());
  }
}

void answer_blocks(dealer& parent) {
  for (;;) {
    const block bytes = echo(parent.receive_block());
    parent.send(bytes.data(), bytes.size());
  }
}

class pool {
 public:
  // Waits until all workers are connected: each says so with a message.
  pool(int workers, void (*work)(dealer&)) : pids_(start_workers(workers, work)) {
    calls.bind(endpoint_);
    for (int i = 0; i < workers; ++i) {
      char here = 0;
      calls.receive(&here, 1);
    }
  }
  ~pool() {
    for (const auto pid : pids_) kill(pid, SIGKILL);
    for (const auto pid : pids_) waitpid(pid, nullptr, 0);
  }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

 private:
  std::vector<pid_t> start_workers(int workers, void (*work)(dealer&)) const {
    std::vector<pid_t> pids;
    for (int i = 0; i < workers; ++i) {
      pids.push_back(fork());
      if (pids.back() < 0) throw std::runtime_error("fork failed");
      if (pids.back() == 0) be_worker(work);
    }
    return pids;
  }

  [[noreturn]] void be_worker(void (*work)(dealer&)) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      dealer parent;
      parent.connect(endpoint_);
      parent.send("", 1);
      work(parent);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "worker: %s\n", e.what());
    }
    _exit(EXIT_FAILURE);
  }

  const std::string endpoint_ = "ipc://@plait-bench-" + std::to_string(getpid());
  const std::vector<pid_t> pids_;

 public:
  dealer calls;  // after the forks: a socket of ZeroMQ's has threads
};

void latency(const arguments& a) {
  pool workers(a.workers(), answer_calls);
  measure_sequence(a[1], [&](std::uint64_t n) {
    message m{0, n};
    workers.calls.send(&m, sizeof m);
    workers.calls.receive(&m, sizeof m);
    return m.value;
  });
}

void throughput(const arguments& a) {
  struct stream {
    std::uint64_t next = 0;
    std::uint64_t sum = 0;
  };
  std::vector<stream> streams(a[2]);
  const auto each = a[1] / streams.size();
  pool workers(a.workers(), answer_calls);
  const auto send_next = [&](std::uint64_t id) {
    const message m{id, streams[id].next++};
    workers.calls.send(&m, sizeof m);
  };
  const auto started = now_ns();
  for (std::uint64_t id = 0; id < streams.size(); ++id) send_next(id);
  for (auto left = streams.size() * each; left > 0; --left) {
    message m{};
    workers.calls.receive(&m, sizeof m);
    auto& s = streams.at(m.stream);
    s.sum += m.value;
    if (s.next < each) send_next(m.stream);
  }
  const auto elapsed = now_ns() - started;
  for (const auto& s : streams) require(s.sum == sum_of_calls(each), "wrong sum");
  report_throughput(streams.size() * each, elapsed);
}

void map(const arguments& a) {
  std::vector<std::uint64_t> chunk(a[2]);
  const auto bytes = chunk.size() * sizeof(std::uint64_t);
  const auto n = a[1] / chunk.size() * chunk.size();
  pool workers(a.workers(), answer_chunks);
  std::uint64_t next = 0;
  std::uint64_t sum = 0;
  const auto send_next = [&] {
    for (auto& value : chunk) value = next++;
    workers.calls.send(chunk.data(), bytes);
  };
  const auto started = now_ns();
  while (next < std::min(n, chunks_in_flight * chunk.size())) send_next();
  for (auto left = n; left > 0; left -= chunk.size()) {
    const block got = workers.calls.receive_block();
    require(got.size() == bytes, "a chunk of another size");
    for (const auto value : std::span(reinterpret_cast<const std::uint64_t*>(got.data()), chunk.size())) sum += value;
    if (next < n) send_next();
  }
  const auto elapsed = now_ns() - started;
  require(sum == sum_of_calls(n), "wrong sum");
  report_throughput(n, elapsed);
}

void payload(const arguments& a) {
  pool workers(a.workers(), answer_blocks);
  measure_payload(a[1], a[2], [&](const block bytes) {
    workers.calls.send(bytes.data(), bytes.size());
    return workers.calls.receive_block();
  });
}

void version(const arguments&) {
  int major = 0;
  int minor = 0;
  int patch = 0;
  zmq_version(&major, &minor, &patch);
  std::printf("version\t%d.%d.%d\t\n", major, minor, patch);
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"map", "WORKERS N CHUNK", map},
                      {"payload", "WORKERS N BYTES", payload},
                      {"version", "", version}});
}
