// Workers that send what is no shared buffer: the call has an error, or the worker is killed, and nothing else
// happens.
#include <plait/portable/errors.hpp>
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "link_pair_test.hpp"
#include "process_pool_fixture_test.hpp"
#include "shared_buffer_fixture_test.hpp"
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace {

using namespace pool_test;
using plait::detail::control_kind;
using plait::detail::control_message;
using plait::detail::protocol_error;
using plait::detail::received_message;
using plait::detail::reply_header;
using plait::detail::reply_kind;
using plait::detail::shared_pages;
using plait::detail::unique_fd;
using test_support::link_end;
using testing::HasSubstr;

constexpr int right_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
#if !defined(F_SEAL_FUTURE_WRITE)
constexpr int F_SEAL_FUTURE_WRITE = 0x0010;
#endif

unique_fd memory(off_t bytes, int seals, off_t there, unsigned flags = 0) {
  unique_fd made(::memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (!made) return made;
  if (::ftruncate(made.get(), bytes) != 0) std::perror("ftruncate");
  if (there > 0 && ::fallocate(made.get(), 0, 0, there) != 0) std::perror("fallocate");
  if (::fcntl(made.get(), F_ADD_SEALS, seals) != 0) std::perror("F_ADD_SEALS");
  return made;
}

unique_fd opened_again(const unique_fd& descriptor, int flags) {
  return unique_fd(::open(("/proc/self/fd/" + std::to_string(descriptor.get())).c_str(), flags | O_CLOEXEC));
}

unique_fd a_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  ::close(ends[1]);
  return unique_fd(ends[0]);
}

enum class fake {
  pipe,
  regular_file,
  not_sealed,
  can_be_sealed_further,
  can_shrink,
  not_writable,
  not_writable_from_now_on,
  opened_for_reading,
  without_pages,
  without_its_last_page,
  no_whole_page,
  empty,
  huge_pages,
  last = huge_pages
};

unique_fd make(fake which) {
  switch (which) {
    case fake::pipe:
      return a_pipe();
    case fake::regular_file:
      return unique_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    case fake::not_sealed:
      return memory(8192, 0, 8192);
    case fake::can_be_sealed_further:
      return memory(8192, F_SEAL_SHRINK | F_SEAL_GROW, 8192);
    case fake::can_shrink:
      return memory(8192, F_SEAL_GROW | F_SEAL_SEAL, 8192);
    case fake::not_writable:
      return memory(8192, right_seals | F_SEAL_WRITE, 8192);
    case fake::not_writable_from_now_on:
      return memory(8192, right_seals | F_SEAL_FUTURE_WRITE, 8192);
    case fake::opened_for_reading:
      return opened_again(memory(8192, right_seals, 8192), O_RDONLY);
    case fake::without_pages:
      return memory(off_t{1} << 40, right_seals, 0);
    case fake::without_its_last_page:
      return memory(8192, right_seals, 4096);
    case fake::no_whole_page:
      return memory(5000, right_seals, 5000);
    case fake::empty:
      return memory(0, right_seals, 0);
    case fake::huge_pages:
      return memory(2 << 20, right_seals, 0, MFD_HUGETLB);
  }
  return {};
}

class shared_buffer_fake : public testing::TestWithParam<int> {
 protected:
  const fake which = static_cast<fake>(GetParam());
};
INSTANTIATE_TEST_SUITE_P(of_kind, shared_buffer_fake, testing::Range(0, static_cast<int>(fake::last) + 1));

TEST(shared_buffer_hostile, the_right_ones_are_taken) {
  const auto pages = shared_pages::receive(memory(8192, right_seals, 8192));
  EXPECT_EQ(pages->bytes().size(), 8192U);
}

TEST_P(shared_buffer_fake, is_no_shared_buffer) {
  auto descriptor = make(which);
  if (which == fake::huge_pages && !descriptor) GTEST_SKIP() << "this kernel has none";
  ASSERT_TRUE(descriptor);
  EXPECT_THAT(message_of<plait::decode_error>([&] { return shared_pages::receive(std::move(descriptor)); }),
              HasSubstr("as a shared buffer is none: "));
}

/// In a worker: a right buffer, whose descriptor is exchanged for another before it is sent.
shared_buffer make_fake(int which) {
  shared_buffer made(8192);
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().find("memfd:plait:buffer") == std::string::npos) continue;
    const int number = std::stoi(entry.path().filename().string());
    const auto other = make(static_cast<fake>(which));
    if (::dup3(other.get(), number, O_CLOEXEC) != number) throw std::runtime_error("dup3");
  }
  return made;
}

TEST_P(shared_buffer_fake, from_a_worker_fails_the_call) {
  if (which == fake::huge_pages && !make(which)) GTEST_SKIP() << "this kernel has none";
  const auto before = held_here();
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  known_pids(pool, 1);  // it has answered, perhaps before the server has said that it was started
  const auto descriptors = open_descriptors();
  EXPECT_THAT(message_of<plait::decode_error>([&] { return pool.submit(make_fake, GetParam()).result(); }),
              HasSubstr("as a shared buffer is none: "));
  EXPECT_EQ(pool.submit(own_pid).result(), pid);
  EXPECT_EQ(held_here(), before);
  EXPECT_EQ(open_descriptors(), descriptors);
}

/// Writes what it likes where a buffer's size and place stand.
struct liar {
  std::uint64_t size = 0;
  std::uint32_t place = 0;
  shared_buffer real = {};

  template <class Archive> void save(Archive& archive) const {
    archive(real);
    archive.to.put(size);
    archive.to.put(place);
  }
  template <class Archive> void load(Archive& archive) {
    archive(real);
    real = plait::detail::read_shared_buffer(archive.from);
  }
};
liar lie(std::uint64_t size, std::uint32_t place) { return {size, place, shared_buffer(8192)}; }

TEST(shared_buffer_hostile, sizes_and_places_that_are_none) {
  process_pool_executor pool({.max_workers = 1});
  EXPECT_EQ(pool.submit(lie, std::uint64_t{8192}, 0U).result().real.size(), 8192U);
  EXPECT_EQ(pool.submit(lie, std::uint64_t{4097}, 0U).result().real.size(), 4097U);
  for (const auto size : {std::uint64_t{1}, std::uint64_t{4096}, std::uint64_t{8193}, std::uint64_t{1} << 40,
                          std::numeric_limits<std::uint64_t>::max()})
    EXPECT_THROW(pool.submit(lie, size, 0U).result(), plait::decode_error) << size;
  for (const auto place : {1U, 2U, 1000U, ~0U})
    EXPECT_THROW(pool.submit(lie, std::uint64_t{8192}, place).result(), plait::decode_error) << place;
}

void give_pages_back(shared_buffer buffer) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().find("memfd:plait:buffer") == std::string::npos) continue;
    const int number = std::stoi(entry.path().filename().string());
    if (::ftruncate(number, 0) == 0) throw std::runtime_error("it could be cut short");
    if (::fallocate(number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(buffer.size())) != 0)
      throw std::runtime_error("fallocate");
  }
}
TEST(shared_buffer_hostile, pages_that_were_given_back_are_zero) {
  process_pool_executor pool({.max_workers = 1});
  const auto buffer = filled(100'000, 'a');
  pool.submit(give_pages_back, buffer).result();
  EXPECT_TRUE(is_full_of(buffer, 0));
}

// ── on the control socket ──

/// One that was asked something.
struct hostile_end {
  hostile_end() {
    auto copies = parent.copies_for_worker();
    mapping = plait::detail::shared_memory::map(unique_fd(copies[0]));
    memory = std::launder(reinterpret_cast<plait::detail::link_memory*>(mapping.bytes().data()));
    control = unique_fd(copies[1]);
    ::close(copies[2]);
    ::close(copies[3]);
    parent.call("x");
  }
  void lend(const std::vector<int>& descriptors, control_kind kind = control_kind::lend, std::uint64_t call = 1) {
    const control_message message{kind, 0, call, 0};
    EXPECT_EQ(plait::detail::send_message(control.get(), std::as_bytes(std::span(&message, 1)), descriptors), 0);
  }
  void answer(std::uint8_t lent, reply_kind kind = reply_kind::value, std::uint32_t size = 0) {
    const reply_header header{.size = size, .kind = kind, .lent = lent, .sequence = 1};
    std::memcpy(memory->replies, &header, sizeof(header));
    memory->replies_published.store(32);
  }
  void expect_refused() { EXPECT_THROW(static_cast<void>(parent.link.next_reply()), protocol_error); }

  link_end parent;
  plait::detail::shared_memory mapping;
  plait::detail::link_memory* memory = nullptr;
  unique_fd control;
  shared_buffer real{8192};
};

std::vector<int> copies_of(int descriptor, std::size_t count) { return std::vector<int>(count, descriptor); }

TEST(shared_buffer_hostile, what_is_lent_rightly_arrives) {
  hostile_end worker;
  const auto memory_of_it = memory(8192, right_seals, 8192);
  worker.lend(copies_of(memory_of_it.get(), 250));
  worker.lend(copies_of(memory_of_it.get(), 2));
  worker.answer(2);
  auto reply = worker.parent.link.next_reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->lent.size(), 252U);
  EXPECT_FALSE(reply->lent_lost);
  const auto came = plait::detail::received(std::move(reply->lent));
  EXPECT_EQ(came.size(), 252U);
  EXPECT_EQ(came.at(0), came.at(251));  // one mapping
  worker.parent.link.release(std::move(*reply));
}

TEST(shared_buffer_hostile, counts_that_are_none) {
  {
    hostile_end worker;
    worker.answer(1);  // nothing was sent
    worker.expect_refused();
  }
  for (const int lent : {5, 100, 255}) {
    hostile_end worker;
    worker.answer(static_cast<std::uint8_t>(lent));
    worker.expect_refused();
  }
  hostile_end worker;  // a wish for memory comes with none
  worker.answer(1, reply_kind::need_block, 8);
  worker.expect_refused();
}

TEST(shared_buffer_hostile, messages_that_are_none) {
  const auto descriptors = open_descriptors();
  {
    hostile_end worker;
    EXPECT_EQ(plait::detail::send_message(worker.control.get(), {}, {}), 0);
    worker.answer(1);
    worker.expect_refused();
  }
  for (const auto kind : {control_kind::name, control_kind::grant, static_cast<control_kind>(77)}) {
    hostile_end worker;
    worker.lend({0, 1, 2}, kind);
    worker.answer(1);
    worker.expect_refused();
  }
  for (const std::uint64_t call : {std::uint64_t{0}, std::uint64_t{2}, ~std::uint64_t{0}}) {
    hostile_end worker;
    worker.lend({0, 1, 2}, control_kind::lend, call);
    worker.answer(1);
    worker.expect_refused();
  }
  for (const std::size_t size :
       {std::size_t{1}, sizeof(control_message) - 1, sizeof(control_message) + 1, std::size_t{10'000}}) {
    hostile_end worker;
    const std::string bytes(size, '\0');
    EXPECT_EQ(plait::detail::send_message(worker.control.get(), test_support::bytes_of(bytes), copies_of(0, 253)), 0);
    worker.answer(1);
    worker.expect_refused();
  }
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(shared_buffer_hostile, what_nobody_counts_stays_in_the_socket) {
  const auto descriptors = open_descriptors();
  {
    hostile_end worker;
    for (int i = 0; i < 50; ++i) worker.lend(copies_of(0, 10));
    worker.answer(0);
    EXPECT_EQ(worker.parent.answer(), "");
    for (int i = 0; i < 1000; ++i) worker.parent.call("y");  // and sends are not held up
  }
  EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
