// What "by value" costs where nothing else is done: a copy into memory that both processes share, one out of it into
// the worker's own, one back into it, and one out of it into a vector (a string) that is new each time. The shared
// memory and the worker's are there before the first.
// And what shared bytes cost: their descriptor is sent to the worker, which maps them, writes, and unmaps them.
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "benchmarks/limit_process_rings.hpp"
#include "benchmarks/limit_processes.hpp"
#include "benchmarks/measure_processes.hpp"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench::limit {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// A forked process with a socket to it, which ends when this end of the socket does.
class worker {
 public:
  template <class Work> explicit worker(Work work) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ends[0]);
      work(ends[1]);
      _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    socket_ = ends[0];
  }
  ~worker() {
    close(socket_);
    waitpid(pid_, nullptr, 0);
  }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  int socket() const noexcept { return socket_; }

 private:
  pid_t pid_ = 0;
  int socket_ = -1;
};

void pass_turn(int to) {
  const char turn = 0;
  if (write(to, &turn, 1) != 1) fail("write");
}

// False when the other side has gone.
bool await_turn(int from) {
  char turn = 0;
  const auto got = read(from, &turn, 1);
  if (got < 0) fail("read");
  return got == 1;
}

void echo_blocks(int socket, char* common, std::size_t size) {
  block own(size, 1);
  while (await_turn(socket)) {
    std::memcpy(own.data(), common, size);
    std::memcpy(common, own.data(), size);
    pass_turn(socket);
  }
}

template <class Bytes> void payload_of(const arguments& a) {
  const auto size = a[2];
  const shared_pages memory(size);
  auto* const common = static_cast<char*>(memory.get());
  const worker other([&](int socket) { echo_blocks(socket, common, size); });
  measure_payload<Bytes>(a[1], size, [&](const Bytes bytes) {
    std::memcpy(common, bytes.data(), size);
    pass_turn(other.socket());
    require(await_turn(other.socket()), "the worker has died");
    return Bytes(common, common + size);
  });
}

// ---- shared bytes: what is to be done with them goes with their descriptor ----

enum class wish : char { write_to_first, write_to_each_page };

// The socket's message of one byte, with room for a descriptor beside it.
struct message_with_descriptor {
  wish wanted{};
  iovec bytes{&wanted, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside{};
  msghdr header{};

  message_with_descriptor() {
    header.msg_iov = &bytes;
    header.msg_iovlen = 1;
    header.msg_control = beside.data();
    header.msg_controllen = beside.size();
  }
  message_with_descriptor(const message_with_descriptor&) = delete;
  message_with_descriptor& operator=(const message_with_descriptor&) = delete;
};

void send_descriptor(int to, int descriptor, wish wanted) {
  message_with_descriptor m;
  m.wanted = wanted;
  auto* const beside = CMSG_FIRSTHDR(&m.header);
  beside->cmsg_level = SOL_SOCKET;
  beside->cmsg_type = SCM_RIGHTS;
  beside->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(beside), &descriptor, sizeof descriptor);
  if (sendmsg(to, &m.header, 0) != 1) fail("sendmsg");
}

void* map_shared(int descriptor, std::size_t size) {
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) fail("mmap");
  return at;
}

void write_to_what_comes(int socket, std::size_t size) {
  for (;;) {
    message_with_descriptor m;
    if (recvmsg(socket, &m.header, MSG_CMSG_CLOEXEC) != 1) return;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&m.header)), sizeof descriptor);
    void* const at = map_shared(descriptor, size);
    const auto write_to = m.wanted == wish::write_to_first ? write_to_first : write_to_each_page;
    write_to({static_cast<unsigned char*>(at), size});
    munmap(at, size);
    close(descriptor);
    pass_turn(socket);
  }
}

}  // namespace

void payload(const arguments& a) { payload_of<block>(a); }

void payload_text(const arguments& a) { payload_of<std::string>(a); }

void shared_bytes(const arguments& a) {
  const auto size = a[2];
  const worker other([size](int socket) { write_to_what_comes(socket, size); });
  const int memory = memfd_create("limit", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, static_cast<off_t>(size)) != 0) fail("memfd_create");
  const std::span bytes(static_cast<unsigned char*>(map_shared(memory, size)), size);
  std::memset(bytes.data(), 0, size);  // its pages are there, as those of any data
  const auto hand_over = [&](wish wanted) {
    send_descriptor(other.socket(), memory, wanted);
    require(await_turn(other.socket()), "the worker has died");
  };
  measure_shared(a[1], bytes, [&] { hand_over(wish::write_to_first); }, [&] { hand_over(wish::write_to_each_page); });
  munmap(bytes.data(), size);
  close(memory);
}

}  // namespace bench::limit
