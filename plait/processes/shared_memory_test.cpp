#include <plait/processes/internal/shared_memory.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>

#include <csignal>
#include <cstring>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <tests/support/expect_throw.hpp>
#include <unistd.h>

namespace plait {
namespace {

using detail::other_side;
using detail::shared_memory;
using detail::unique_fd;

unique_fd copy_of(const shared_memory& memory) { return unique_fd(::fcntl(memory.fd(), F_DUPFD_CLOEXEC, 3)); }

std::size_t pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

/// A limit of this process, until the end of the scope.
class lowered_limit {
 public:
  lowered_limit(__rlimit_resource what, rlim_t to) : what_(what) {
    ::getrlimit(what_, &before_);
    const rlimit lower{to, before_.rlim_max};
    ::setrlimit(what_, &lower);
  }
  lowered_limit(const lowered_limit&) = delete;
  lowered_limit& operator=(const lowered_limit&) = delete;
  ~lowered_limit() { ::setrlimit(what_, &before_); }

 private:
  __rlimit_resource what_;
  rlimit before_{};
};

int error_of(const auto& what) {
  try {
    what();
  } catch (const std::system_error& failed) {
    return failed.code().value();
  }
  return 0;
}

TEST(shared_memory, is_zero_and_shared) {
  const auto here = shared_memory::create("plait:test", 100'000);
  EXPECT_EQ(here.bytes().size(), pages(100'000));
  for (const auto byte : here.bytes()) ASSERT_EQ(byte, std::byte{0});
  const auto there = shared_memory::map(copy_of(here));
  EXPECT_EQ(there.bytes().size(), here.bytes().size());
  EXPECT_NE(there.bytes().data(), here.bytes().data());
  there.bytes()[99'999] = std::byte{7};
  EXPECT_EQ(here.bytes()[99'999], std::byte{7});
}

TEST(shared_memory, has_all_its_pages) {
  const auto memory = shared_memory::create("plait:test", 1'000'000);
  struct stat file{};
  ASSERT_EQ(::fstat(memory.fd(), &file), 0);
  EXPECT_EQ(static_cast<std::size_t>(file.st_blocks) * 512, memory.bytes().size());
}

/// The page faults of writing to each page. The kernel writes, by a call that no sanitizer knows: what they note
/// elsewhere for each page would be faults too.
long faults_of_writing(const shared_memory& memory) {
  const auto faults = [] {
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    return used.ru_minflt;
  };
  const unique_fd zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  auto* const bytes = memory.bytes().data();
  const auto size = memory.bytes().size();
  const auto before = faults();
  for (std::size_t at = 0; at < size; at += 4096) EXPECT_EQ(::syscall(SYS_read, zeros.get(), bytes + at, 1), 1);
  return faults() - before;
}

TEST(shared_memory, has_its_pages_entered_as_was_asked) {
  constexpr std::size_t count = 256;
  using enum plait::detail::page_entries;
  for (const auto entries : {at_once, when_touched}) {
    const auto here = shared_memory::create("plait:test", count * 4096, other_side::writes, entries);
    const auto there = shared_memory::map(copy_of(here), entries);
    for (const auto* each : {&here, &there}) {
      if (entries == at_once)
        EXPECT_LT(faults_of_writing(*each), 16);
      else
        EXPECT_GE(faults_of_writing(*each), static_cast<long>(count / 16))
            << "16: some kernels enter so many around one";
    }
  }
}

TEST(shared_memory, cannot_be_resized_or_unsealed) {
  const auto memory = shared_memory::create("plait:test", 4096);
  EXPECT_EQ(::ftruncate(memory.fd(), 0), -1);
  EXPECT_EQ(::ftruncate(memory.fd(), 1'000'000), -1);
  EXPECT_EQ(::fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_NE(::fcntl(memory.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(shared_memory, what_the_other_side_only_reads) {
  const auto here = shared_memory::create("plait:test", 4096, other_side::reads_only);
  const auto there = shared_memory::map(copy_of(here));
  here.bytes()[0] = std::byte{7};
  EXPECT_EQ(there.bytes()[0], std::byte{7});
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, here.fd(), 0), MAP_FAILED);
  EXPECT_EQ(::mprotect(there.bytes().data(), 4096, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(::pwrite(here.fd(), "x", 1, 0), -1);
  EXPECT_EQ(::fallocate(here.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
}

TEST(shared_memory, unsealed_memory_is_not_mapped) {
  unique_fd plain(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(plain.get(), 4096), 0);
  EXPECT_EQ(test_support::message_of<std::runtime_error>([&] { return shared_memory::map(std::move(plain)); }),
            "plait: shared memory that is not sealed against resizing");
  EXPECT_TRUE(plain);  // still ours
  EXPECT_NE(
      error_of([] { static_cast<void>(shared_memory::map(unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)))); }),
      0);
}

TEST(shared_memory, moves) {
  auto first = shared_memory::create("plait:test", 4096);
  auto* const at = first.bytes().data();
  auto second = std::move(first);
  EXPECT_TRUE(first.bytes().empty());
  EXPECT_EQ(second.bytes().data(), at);
  first = std::move(second);
  EXPECT_EQ(first.bytes().data(), at);
  EXPECT_TRUE(second.bytes().empty());
  first.close_fd();
  EXPECT_EQ(first.fd(), -1);
  first.bytes()[0] = std::byte{1};
}

// ── What cannot be had ──

TEST(shared_memory, no_bytes_and_too_many) {
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", 0)); }), EINVAL);
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", ~std::size_t{0})); }), EFBIG);
}

TEST(shared_memory, more_than_there_is) {
  const auto all =
      static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  ASSERT_LT(detail::room_for_shared_memory(), all);  // else the next line would take it
  EXPECT_EQ(error_of([&] { static_cast<void>(shared_memory::create("plait:test", all)); }), ENOMEM);
}

// Without a look at the limit first it would be a SIGXFSZ, which ends the program.
TEST(shared_memory, beyond_the_largest_file) {
  const lowered_limit limit(RLIMIT_FSIZE, 1 << 20);
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", 2 << 20)); }), EFBIG);
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", 1 << 20)); }), 0);
}

TEST(shared_memory, no_descriptor_left) {
  const unique_fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const lowered_limit limit(RLIMIT_NOFILE, static_cast<rlim_t>(next.get()) + 1);
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", 4096)); }), EMFILE);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadows are larger than any limit
TEST(shared_memory, no_address_space_left) {
  const lowered_limit limit(RLIMIT_AS, std::size_t{1} << 20);
  EXPECT_EQ(error_of([] { static_cast<void>(shared_memory::create("plait:test", std::size_t{8} << 20)); }), ENOMEM);
}
#endif

}  // namespace
}  // namespace plait
