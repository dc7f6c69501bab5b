// Open MPI (https://www.open-mpi.org): rank 0 sends calls to the other ranks, the workers, and receives what they
// answer. It has no futures and no coroutines; a message's tag says which stream it belongs to. Whoever waits looks
// again and again, and yields its core where there are more ranks than cores: that is its default.
//
// Started by itself, this program becomes mpirun of itself, with a rank more than there are workers. The ranks are
// there before it can measure anything, and its pool is mpirun's to end: so there is no start here, and no naps.
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/measure_processes.hpp"
#include <mpi.h>
#include <unistd.h>

namespace {

using namespace bench;

constexpr int master = 0;
constexpr int end_of_work = 32'767;  // a tag: the largest that MPI guarantees, and more than there are streams

// What this process is among the ranks. A failed call of MPI ends them all, which is its default.
class world {
 public:
  explicit world(const arguments& a) {
    MPI_Init(nullptr, nullptr);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    require(size_ == a.workers() + 1, "another number of ranks than workers and a master");
  }
  ~world() {
    end_work();
    MPI_Finalize();
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // The workers get no more from the master. Before all ranks do something together, such as to free a window.
  void end_work() {
    if (is_worker() || ended_) return;
    ended_ = true;
    for (int worker = 1; worker < size_; ++worker)
      MPI_Send(nullptr, 0, MPI_BYTE, worker, end_of_work, MPI_COMM_WORLD);
  }

  bool is_worker() const { return rank_ != master; }
  int workers() const { return size_ - 1; }
  int worker_of(std::uint64_t n) const { return 1 + static_cast<int>(n % static_cast<std::uint64_t>(workers())); }

 private:
  int rank_ = 0;
  int size_ = 0;
  bool ended_ = false;
};

void send(std::span<const std::uint64_t> values, int rank, int tag) {
  MPI_Send(values.data(), static_cast<int>(values.size()), MPI_UINT64_T, rank, tag, MPI_COMM_WORLD);
}

MPI_Status receive(std::span<std::uint64_t> values, int rank) {
  MPI_Status status;
  MPI_Recv(values.data(), static_cast<int>(values.size()), MPI_UINT64_T, rank, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
  return status;
}

// What a worker does: each message is so many calls.
void answer_calls(std::size_t chunk) {
  std::vector<std::uint64_t> values(chunk);
  for (;;) {
    const auto status = receive(values, master);
    if (status.MPI_TAG == end_of_work) return;
    for (auto& value : values) value = call(value);
    send(values, master, status.MPI_TAG);
  }
}

void latency(const arguments& a) {
  const world here(a);
  if (here.is_worker()) return answer_calls(1);
  measure_sequence(a[1], [&](std::uint64_t n) {
    std::array<std::uint64_t, 1> value{n};
    send(value, here.worker_of(n), 0);
    receive(value, here.worker_of(n));
    return value.front();
  });
}

// Messages that are under way, of `chunk` calls each; a worker gets the next when it has answered one. None waits for
// room to be sent, since workers that wait for room to answer would then wait for ever.
class messages {
 public:
  messages(const world& here, std::size_t in_flight, std::size_t chunk)
      : here_(here), sent_(in_flight, {std::vector<std::uint64_t>(chunk), MPI_REQUEST_NULL}), answer_(chunk) {}

  // fill(i, values): writes the calls of the next message of slot i, or returns false where it has no more.
  // take(i, values): what they gave.
  template <class Fill, class Take> void exchange(Fill fill, Take take) {
    std::size_t under_way = 0;
    const auto send_next = [&](std::size_t i, int worker) {
      auto& [values, request] = sent_.at(i);
      MPI_Wait(&request, MPI_STATUS_IGNORE);  // it was answered, so this does not wait
      if (!fill(i, std::span(values))) return;
      MPI_Isend(values.data(), static_cast<int>(values.size()), MPI_UINT64_T, worker, static_cast<int>(i),
                MPI_COMM_WORLD, &request);
      ++under_way;
    };
    for (std::size_t i = 0; i < sent_.size(); ++i) send_next(i, here_.worker_of(i));
    while (under_way > 0) {
      const auto status = receive(answer_, MPI_ANY_SOURCE);
      --under_way;
      const auto i = static_cast<std::size_t>(status.MPI_TAG);
      take(i, std::span<const std::uint64_t>(answer_));
      send_next(i, status.MPI_SOURCE);
    }
  }

 private:
  const world& here_;
  std::vector<std::pair<std::vector<std::uint64_t>, MPI_Request>> sent_;
  std::vector<std::uint64_t> answer_;
};

void throughput(const arguments& a) {
  const world here(a);
  if (here.is_worker()) return answer_calls(1);
  struct stream {
    std::uint64_t next = 0;
    std::uint64_t sum = 0;
  };
  std::vector<stream> streams(a[2]);
  require(streams.size() < end_of_work, "more streams than tags");
  const auto each = a[1] / streams.size();
  messages calls(here, streams.size(), 1);
  const auto started = now_ns();
  calls.exchange(
      [&](std::size_t i, std::span<std::uint64_t> values) {
        if (streams[i].next == each) return false;
        values.front() = streams[i].next++;
        return true;
      },
      [&](std::size_t i, std::span<const std::uint64_t> values) { streams[i].sum += values.front(); });
  const auto elapsed = now_ns() - started;
  for (const auto& s : streams) require(s.sum == sum_of_calls(each), "wrong sum");
  report_throughput(streams.size() * each, elapsed);
}

void map(const arguments& a) {
  const world here(a);
  const auto chunk = a[2];
  if (here.is_worker()) return answer_calls(chunk);
  const auto n = a[1] / chunk * chunk;
  messages chunks(here, chunks_in_flight, chunk);
  std::uint64_t next = 0;
  std::uint64_t sum = 0;
  const auto started = now_ns();
  chunks.exchange(
      [&](std::size_t, std::span<std::uint64_t> values) {
        if (next == n) return false;
        for (auto& value : values) value = next++;
        return true;
      },
      [&](std::size_t, std::span<const std::uint64_t> values) {
        for (const auto value : values) sum += value;
      });
  const auto elapsed = now_ns() - started;
  require(sum == sum_of_calls(n), "wrong sum");
  report_throughput(n, elapsed);
}

void send_block(const block& bytes, int rank) {
  MPI_Send(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, rank, 0, MPI_COMM_WORLD);
}

// Of whatever size; empty where the work has ended.
block receive_block(int rank) {
  MPI_Status status;
  int size = 0;
  MPI_Probe(rank, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
  MPI_Get_count(&status, MPI_BYTE, &size);
  block bytes(static_cast<std::size_t>(size));
  MPI_Recv(bytes.data(), size, MPI_BYTE, rank, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
  return bytes;
}

void payload(const arguments& a) {
  const world here(a);
  if (here.is_worker()) {
    for (;;) {
      const auto bytes = receive_block(master);
      if (bytes.empty()) return;
      send_block(echo(bytes), master);
    }
  }
  std::uint64_t trips = 0;
  measure_payload(a[1], a[2], [&](const block bytes) {
    const int worker = here.worker_of(trips++);
    send_block(bytes, worker);
    return receive_block(worker);
  });
}

// Memory of the master's that all ranks see.
class shared_window {
 public:
  shared_window(world& here, std::size_t size) : here_(here) {
    const auto own = static_cast<MPI_Aint>(here.is_worker() ? 0 : size);
    void* base = nullptr;
    MPI_Win_allocate_shared(own, 1, MPI_INFO_NULL, MPI_COMM_WORLD, static_cast<void*>(&base), &window_);
    MPI_Aint shared = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, master, &shared, &unit, static_cast<void*>(&base));
    bytes_ = {static_cast<unsigned char*>(base), static_cast<std::size_t>(shared)};
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
  }
  ~shared_window() {
    here_.end_work();
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
  }
  shared_window(const shared_window&) = delete;
  shared_window& operator=(const shared_window&) = delete;

  std::span<unsigned char> bytes() const { return bytes_; }
  void sync() const { MPI_Win_sync(window_); }

 private:
  world& here_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::span<unsigned char> bytes_;
};

void shared(const arguments& a) {
  enum how : int { first, each_page };
  world here(a);
  const shared_window window(here, a[2]);
  if (here.is_worker()) {
    for (;;) {
      const auto status = receive({}, master);
      if (status.MPI_TAG == end_of_work) return;
      window.sync();
      status.MPI_TAG == first ? write_to_first(window.bytes()) : write_to_each_page(window.bytes());
      window.sync();
      send({}, master, status.MPI_TAG);
    }
  }
  std::uint64_t trips = 0;
  const auto hand_over = [&](how written) {
    const int worker = here.worker_of(trips++);
    window.sync();
    send({}, worker, written);
    receive({}, worker);
    window.sync();
  };
  std::ranges::fill(window.bytes(), static_cast<unsigned char>(0));
  measure_shared(a[1], window.bytes(), [&] { hand_over(first); }, [&] { hand_over(each_page); });
}

void version(const arguments&) {
  std::printf("version\t%d.%d.%d\t\n", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
}

// Returns where that failed, with the reason in errno.
void become_mpirun(std::span<char* const> argv) {
  std::vector<std::string> words{PLAIT_MPIRUN, "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n"};
  words.push_back(std::to_string(parse_number(argv[2]) + 1));
  words.push_back(std::filesystem::canonical("/proc/self/exe").string());
  words.insert(words.end(), argv.begin() + 1, argv.end());
  std::vector<char*> command;
  command.reserve(words.size() + 1);
  for (auto& word : words) command.push_back(word.data());
  command.push_back(nullptr);
  execv(command.front(), command.data());
}

}  // namespace

int main(int argc, char** argv) {
  const bool has_workers = argc > 2;  // only `version` has none
  if (has_workers && std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) {
    become_mpirun({argv, static_cast<std::size_t>(argc)});
    std::fprintf(stderr, "%s: %s\n", PLAIT_MPIRUN, std::strerror(errno));
    return EXIT_FAILURE;
  }
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"map", "WORKERS N CHUNK", map},
                      {"payload", "WORKERS N BYTES", payload},
                      {"shared", "WORKERS N BYTES", shared},
                      {"version", "", version}});
}
