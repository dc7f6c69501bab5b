// sandbox::read_only: its paths can be read, by whatever way; nothing else can, and nothing can be written.
#include <plait/processes/internal/landlock.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <thread>

#include "sandbox_fixture_test.hpp"
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace pool_test;
using plait::sandbox::read_only;
using testing::HasSubstr;

/// A folder `inside` and one `outside` it; a link leads out of it.
class sandbox_read_only : public sandbox_test {
 protected:
  void SetUp() override {
    sandbox_test::SetUp();
    if (IsSkipped()) return;
    if (plait::detail::landlock_version() == 0) GTEST_SKIP() << "this kernel has no Landlock";
    std::string folder = std::filesystem::temp_directory_path() / "plait_sandbox_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    root = folder;
    std::filesystem::create_directories(root + "/inside/sub");
    std::filesystem::create_directories(root + "/outside");
    std::ofstream(root + "/inside/a") << "text of a";
    std::ofstream(root + "/inside/sub/b") << "text of b";
    std::ofstream(root + "/outside/secret") << "secret";
    std::filesystem::create_symlink(root + "/outside/secret", root + "/inside/link");
    std::filesystem::create_symlink(root + "/outside", root + "/inside/link_to_folder");
  }
  void TearDown() override {
    std::error_code ignored;
    if (!root.empty()) std::filesystem::remove_all(root, ignored);
  }

  [[nodiscard]] plait::process_pool_options options() const {
    return {.max_workers = 1, .sandbox = read_only{{root + "/inside"}}};
  }

  std::string root;
};

/// errno of opening it to read; 0 where that can be.
int error_of_opening(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0; }
int open_as(const std::string& path, int flags) { return ::open(path.c_str(), flags, 0600); }

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST_F(sandbox_read_only, reads_its_paths) {
  process_pool_executor pool(options());
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/a").result(), "text of a");
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/sub/b").result(), "text of b");
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/sub/../a").result(), "text of a");
  EXPECT_EQ(pool.submit(names_in, root + "/inside").result(),
            (std::set<std::string>{"a", "link", "link_to_folder", "sub"}));
  const auto size = [](const std::string& path) { return std::filesystem::file_size(path); };
  EXPECT_EQ(pool.submit(size, root + "/inside/a").result(), 9U);
  expect_next_hundred(pool);
}

TEST_F(sandbox_read_only, reads_a_file_alone) {
  process_pool_executor pool({.max_workers = 1, .sandbox = read_only{{root + "/inside/a"}}});
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/a").result(), "text of a");
  EXPECT_EQ(pool.submit(error_of_opening, root + "/inside/sub/b").result(), EACCES);
}

// As for want of rights, though the program may read them all.
TEST_F(sandbox_read_only, reads_nothing_else) {
  process_pool_executor pool(options());
  const auto parent = "/proc/" + std::to_string(::getpid());
  for (const auto& path :
       {root + "/outside/secret", root + "/outside", root + "/inside/link", root + "/inside/link_to_folder/secret",
        root + "/inside/../outside/secret", std::string("/etc/passwd"), std::string("/proc/self/mem"),
        std::string("/proc/self/maps"), std::string("/proc/self/root/etc/passwd"), std::string("/dev/null"),
        parent + "/mem", parent + "/fd/0", std::string("/")}) {
    EXPECT_EQ(pool.submit(error_of_opening, path).result(), EACCES) << path;
  }
  EXPECT_EQ(pool.submit(error_of_opening, std::string("/proc/self/fd/257")).result(), ENXIO) << "a bell, no file";
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/a").result(), "text of a");
}

TEST_F(sandbox_read_only, tells_whether_other_files_exist_and_their_size) {
  process_pool_executor pool(options());
  const auto size = [](const std::string& path) { return std::filesystem::file_size(path); };
  const auto exists = [](const std::string& path) { return std::filesystem::exists(path); };
  EXPECT_EQ(pool.submit(size, root + "/outside/secret").result(), 6U);
  EXPECT_TRUE(pool.submit(exists, root + "/outside").result());
  EXPECT_FALSE(pool.submit(exists, root + "/outside/nothing").result());
}

TEST_F(sandbox_read_only, writes_nothing) {
  process_pool_executor pool(options());
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND, O_PATH})
    EXPECT_EQ(forbidden_call(pool.submit(open_as, root + "/inside/a", flags)), "openat") << flags;
  EXPECT_EQ(forbidden_call(pool.submit(open_as, root + "/inside", O_RDWR | O_TMPFILE)), "openat");
  const auto unlinks = [](const std::string& path) { return ::unlinkat(AT_FDCWD, path.c_str(), 0); };
  EXPECT_EQ(forbidden_call(pool.submit(unlinks, root + "/inside/a")), "unlinkat");
  const auto truncates = [](const std::string& path) { return ::truncate(path.c_str(), 0); };
  EXPECT_EQ(forbidden_call(pool.submit(truncates, root + "/inside/a")), "truncate");
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/a").result(), "text of a");
}

TEST_F(sandbox_read_only, is_no_less_of_a_sandbox) {
  process_pool_executor pool(options());
  EXPECT_EQ(forbidden_call(pool.submit([] { return ::socket(AF_UNIX, SOCK_STREAM, 0); })), "socket");
  EXPECT_EQ(forbidden_call(pool.submit([] { return static_cast<int>(::fork()); })), "clone");
  // The bells, which lie above all that can be opened; the kernel looks at a number's lower half.
  const auto reads = [](long number) {
    char word[8];
    return static_cast<int>(::syscall(SYS_read, number, word, sizeof word));
  };
  EXPECT_EQ(forbidden_call(pool.submit(reads, 257L)), "read");
  EXPECT_EQ(forbidden_call(pool.submit(reads, 0x100000000L + 257)), "read");
  expect_next_hundred(pool);
}

// The ways out that sandbox_escape_test.cpp tries in `compute`: to the program, and to the kernel's larger doors.
TEST_F(sandbox_read_only, forbids_what_is_not_reading) {
  process_pool_executor pool(options());
  const int parent = ::getpid();
  const std::pair<const char*, plait::future<long>> tries[] = {
      {"ptrace", pool.submit([](int of) { return ::syscall(SYS_ptrace, PTRACE_ATTACH, of, 0, 0); }, parent)},
      {"process_vm_readv", pool.submit(
                               [](int of) {
                                 char word[8];
                                 const iovec memory{word, sizeof word};
                                 return ::syscall(SYS_process_vm_readv, of, &memory, 1, &memory, 1, 0);
                               },
                               parent)},
      {"kill", pool.submit([](int of) { return ::syscall(SYS_kill, of, 0); }, parent)},
      {"pidfd_open", pool.submit([](int of) { return ::syscall(SYS_pidfd_open, of, 0); }, parent)},
      {"connect", pool.submit(
                      [](int) {
                        const sockaddr_in to{};
                        return ::syscall(SYS_connect, 256, &to, sizeof to);
                      },
                      parent)},
      {"io_uring_setup", pool.submit(
                             [](int) {
                               char parameters[128] = {};
                               return ::syscall(SYS_io_uring_setup, 1, parameters);
                             },
                             parent)},
      {"memfd_create", pool.submit([](int) { return ::syscall(SYS_memfd_create, "plait:test", 0); }, parent)},
      {"execve", pool.submit(
                     [](int) {
                       char* const none[] = {nullptr};
                       return ::syscall(SYS_execve, "/bin/true", none, none);
                     },
                     parent)},
  };
  for (const auto& [system_call, call] : tries) EXPECT_EQ(forbidden_call(call), system_call);
  EXPECT_EQ(pool.submit(contents_of, root + "/inside/a").result(), "text of a");
}

TEST_F(sandbox_read_only, is_not_entered_beside_threads_of_the_initializer) {
  const auto starts_one = [] {
    std::thread([] {
      while (true) ::pause();
    }).detach();
  };
  const test_support::recorded_reports reports;
  auto with_thread = options();
  with_thread.initializer = starts_one;
  process_pool_executor pool(with_thread);
#if defined(__SANITIZE_THREAD__)
  const auto* const left = " more running";  // it has threads of its own
#else
  const auto* const left = "the initializer has left 1 more running";
#endif
  EXPECT_THAT(message_of<plait::broken_executor>([&] { return pool.submit(square, 1).result(); }), HasSubstr(left));
}

}  // namespace
