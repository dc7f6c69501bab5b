// What "by value" costs where nothing else is done: a copy into memory that both processes share, one out of it into
// the worker's own, one back into it, and one out of it into a vector that is new each time. The shared memory and
// the worker's are there before the first.
#include <atomic>
#include <csignal>
#include <cstring>

#include "benchmarks/limit_process_rings.hpp"
#include "benchmarks/limit_processes.hpp"
#include "benchmarks/measure_processes.hpp"
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench::limit {
namespace {

void pass_turn(int to) {
  const char turn = 0;
  if (write(to, &turn, 1) != 1) throw std::system_error(errno, std::generic_category(), "write");
}

// False when the other side has gone.
bool await_turn(int from) {
  char turn = 0;
  const auto got = read(from, &turn, 1);
  if (got < 0) throw std::system_error(errno, std::generic_category(), "read");
  return got == 1;
}

[[noreturn]] void echo_blocks(int socket, char* common, std::size_t size) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  block own(size, 1);
  while (await_turn(socket)) {
    std::memcpy(own.data(), common, size);
    std::memcpy(common, own.data(), size);
    pass_turn(socket);
  }
  _exit(EXIT_SUCCESS);
}

}  // namespace

void payload(const arguments& a) {
  const auto size = a[2] * mebibyte;
  const shared_pages memory(size);
  auto* const common = static_cast<char*>(memory.get());
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  const pid_t worker = fork();
  if (worker < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (worker == 0) {
    close(sockets[0]);
    echo_blocks(sockets[1], common, size);
  }
  close(sockets[1]);
  measure_payload(a[1], a[2], [&](const block bytes) {
    std::memcpy(common, bytes.data(), size);
    pass_turn(sockets[0]);
    require(await_turn(sockets[0]), "the worker has died");
    return block(common, common + size);
  });
  close(sockets[0]);
  waitpid(worker, nullptr, 0);
}

}  // namespace bench::limit
