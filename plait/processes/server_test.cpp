// Workers start, end and are told of, by either way of making them.
#include <plait/core/errors.hpp>

#include <stdexcept>
#include <system_error>

#include "server_fixture_test.hpp"
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/sanitized.hpp>

namespace {

using namespace server_test;
using plait::detail::server_pid;
using test_support::message_of;

class server : public testing::TestWithParam<start_method> {
 protected:
  test_worker make(worker_request request = {}) {
    request.how = GetParam();
    return make_worker(session, std::move(request));
  }

  server_session session = open_session();
};

INSTANTIATE_TEST_SUITE_P(by, server, testing::Values(start_method::fork_server, start_method::spawn),
                         [](const auto& how) { return how.param == start_method::spawn ? "exec" : "fork"; });

TEST_P(server, a_worker_starts_and_exits) {
  const auto worker = make({.id = 17});
  EXPECT_EQ(worker.started.id, 17U);
  EXPECT_EQ(worker.ask("ownpid"), std::to_string(worker.started.pid));
  worker.tell("exit 3");
  const auto end = wait_for_event(session);
  EXPECT_EQ(end.what, kind::ended);
  EXPECT_EQ(end.id, 17U);
  EXPECT_EQ(end.pid, worker.started.pid);
  EXPECT_FALSE(end.status.signaled);
  EXPECT_EQ(end.status.code, 3);
}

TEST_P(server, a_worker_dies_by_a_signal) {
  for (const int signal : {SIGKILL, SIGTERM, SIGUSR1}) {
    const auto worker = make();
    signal_by(worker.started.pidfd, signal);
    const auto end = wait_for_event(session);
    EXPECT_EQ(end.what, kind::ended);
    EXPECT_TRUE(end.status.signaled);
    EXPECT_EQ(end.status.code, signal);
    EXPECT_FALSE(end.status.core_dumped);
  }
}

TEST_P(server, the_pidfd_tells_the_death) {
  const auto worker = make();
  pollfd polled{worker.started.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  worker.tell("exit 0");
  wait_until_readable(worker.started.pidfd.get());
}

TEST_P(server, a_dead_worker_is_reaped) {
  const auto worker = make();
  worker.tell("exit 0");
  wait_for_event(session);
  EXPECT_EQ(::kill(worker.started.pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_P(server, a_worker_has_its_name) {
  const auto worker = make({.name = "srv_1"});
  EXPECT_EQ(worker.ask("contents /proc/self/comm"), "srv_1\n");
  EXPECT_THAT(worker.ask("contents /proc/self/cmdline"), testing::StartsWith(std::string("srv_1\0", 6)));
}

TEST_P(server, of_a_long_name_the_kernel_has_the_tail) {
  EXPECT_EQ(make({.name = "a long prefix: srv_34567890123"}).ask("contents /proc/self/comm"), "srv_34567890123\n");
}

TEST_P(server, a_worker_has_the_descriptors_given_and_no_others) {
  const unique_fd leaked(::open("/dev/null", O_RDONLY));  // not closed on exec, as a library may leave it
  auto [one, two] = make_socket_pair();
  const auto worker = make({.descriptors = {one.get(), two.get()}});
  EXPECT_EQ(worker.ask("count"), "3");
  EXPECT_EQ(worker.ask("descriptors"), "0 1 2 " + worker.ask("given"));
}

TEST_P(server, a_second_worker_has_none_of_the_first) {
  const auto first = make();
  const auto second = make();
  EXPECT_EQ(second.ask("descriptors"), "0 1 2 " + second.ask("given"));
}

TEST_P(server, descriptors_keep_their_order) {
  std::vector<unique_fd> files;
  worker_request request;
  for (const auto* text : {"first", "second", "third"}) {
    files.emplace_back(::memfd_create("test", MFD_CLOEXEC));
    ASSERT_GT(::write(files.back().get(), text, std::string_view(text).size()), 0);
  }
  for (const int i : {2, 0, 1}) request.descriptors.push_back(files[static_cast<std::size_t>(i)].get());
  const auto worker = make(request);
  EXPECT_EQ(worker.ask("read 1"), "third");
  EXPECT_EQ(worker.ask("read 2"), "first");
  EXPECT_EQ(worker.ask("read 3"), "second");
}

TEST_P(server, programs_that_a_worker_starts_get_none_of_its_descriptors) {
  EXPECT_EQ(make().ask("program"), "0 1 2 3 ");  // 3: of ls itself
}

TEST_P(server, stdin_is_empty) { EXPECT_EQ(make().ask("link /proc/self/fd/0"), "/dev/null"); }

TEST_P(server, signals_of_the_terminal_are_ignored_and_the_others_are_not) {
  // Whatever the program does with its signals when the server starts.
  signal_by(pidfd_of(server_pid()), SIGKILL);
  EXPECT_EQ(wait_for_event(session).what, kind::server_lost);
  ::signal(SIGUSR2, SIG_IGN);
  sigset_t blocked, mask_before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &mask_before);
  session = open_session();
  const auto worker = make();
  ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  ::signal(SIGUSR2, SIG_DFL);
  EXPECT_EQ(worker.ask("status SigBlk"), "0000000000000000");
  EXPECT_EQ(worker.ask("status SigIgn"), "0000000000000007");  // SIGHUP, SIGINT, SIGQUIT
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP})
    EXPECT_EQ(worker.ask("raise " + std::to_string(signal)), "still here");
}

TEST_P(server, statics_are_as_constructed) {
  set_by_constructor = "changed in main";
  EXPECT_EQ(make().ask("statics"), "constructed");
}

TEST_P(server, the_mark_is_not_inherited) {
  const auto worker = make();
  EXPECT_EQ(worker.ask("getenv PLAIT_WORKER"), "(none)");
  EXPECT_EQ(worker.ask("getenv PLAIT_DEPTH"), "1");
}

TEST_P(server, a_worker_may_have_children) { EXPECT_EQ(make().ask("child"), "42"); }

TEST_P(server, many_at_once) {
  constexpr std::uint64_t count = 64;
  std::vector<private_fd> sockets;
  for (std::uint64_t id = 0; id < count; ++id) {
    auto [ours, theirs] = make_socket_pair();
    session.start({.id = id, .name = "srv", .how = GetParam(), .descriptors = {theirs.get()}});
    sockets.push_back(std::move(ours));
  }
  for (std::uint64_t id = 0; id < count; ++id) {
    const auto event = wait_for_event(session);
    EXPECT_EQ(event.what, kind::started);
    EXPECT_EQ(event.id, id);
  }
  for (const auto& socket : sockets) say(socket.get(), "exit 0");
  std::vector<std::uint64_t> ended;
  for (std::uint64_t id = 0; id < count; ++id) ended.push_back(wait_for_event(session).id);
  std::ranges::sort(ended);
  for (std::uint64_t id = 0; id < count; ++id) EXPECT_EQ(ended[id], id);
}

// More events than a socket takes, two a worker: the server keeps them, and serves another session meanwhile.
TEST_P(server, a_session_that_does_not_listen_holds_up_nobody) {
  constexpr int count = test_support::sanitized ? 160 : 400;  // Linux keeps 278 by default
  std::vector<unique_fd> ends;
  for (int i = 0; i < count; ++i) {
    auto [ours, theirs] = make_socket_pair();
    ours.reset();  // so that the worker ends
    while (true) {
      try {
        session.start({.name = "srv", .how = GetParam(), .descriptors = {theirs.get()}});
        break;
      } catch (const std::system_error& full) {
        ASSERT_EQ(full.code().value(), EAGAIN);
        pollfd writable{session.descriptor(), POLLOUT, 0};
        ::poll(&writable, 1, -1);
      }
    }
  }
  auto other = open_session();
  EXPECT_EQ(make_worker(other).ask("count"), "1");
  int started = 0, ended = 0;
  while (started + ended < 2 * count) {
    const auto event = wait_for_event(session);
    ASSERT_TRUE(event.what == kind::started || event.what == kind::ended) << event.call << event.error;
    ++(event.what == kind::started ? started : ended);
  }
  EXPECT_EQ(started, count);
}

TEST_P(server, the_sessions_end_kills_its_workers_and_no_others) {
  auto other = open_session();
  const auto survivor = make_worker(other, {.how = GetParam()});
  const auto one = make(), two = make();
  session.close();
  wait_until_readable(one.started.pidfd.get());
  wait_until_readable(two.started.pidfd.get());
  EXPECT_EQ(survivor.ask("count"), "1");
}

TEST_P(server, its_death_is_that_of_its_workers_and_the_next_session_has_another) {
  const pid_t lost = server_pid();
  const auto lost_pidfd = pidfd_of(lost);
  const auto one = make(), two = make();
  signal_by(lost_pidfd, SIGKILL);
  wait_until_readable(one.started.pidfd.get());
  wait_until_readable(two.started.pidfd.get());
  EXPECT_EQ(wait_for_event(session).what, kind::server_lost);
  EXPECT_EQ(wait_for_event(session).what, kind::server_lost);
  session.start({.name = "srv"});  // to nobody
  wait_until_readable(lost_pidfd.get());
  EXPECT_EQ(server_pid(), 0);

  session = open_session();
  EXPECT_EQ(make().ask("count"), "1");
  EXPECT_NE(server_pid(), lost);
}

// It lives by its lifeline alone: who signals the whole group means the program.
TEST_P(server, ignores_what_is_meant_for_the_program) {
  const pid_t pid = server_pid();
  const auto pidfd = pidfd_of(pid);
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTERM}) signal_by(pidfd, signal);
  EXPECT_EQ(make().ask("count"), "1");
  EXPECT_EQ(server_pid(), pid);
}

// The server has no room for another descriptor: that start fails, the next one works.
TEST_P(server, without_descriptors_a_start_fails_and_the_server_lives) {
  // A server that nobody else uses. (Below the number of what it waits for, poll() itself would fail.)
  signal_by(pidfd_of(server_pid()), SIGKILL);
  EXPECT_EQ(wait_for_event(session).what, kind::server_lost);
  session = open_session();
  make().tell("exit 0");
  EXPECT_EQ(wait_for_event(session).what, kind::ended);
  const pid_t pid = server_pid();
  ASSERT_GT(pid, 0);  // 0 would be this process
  rlimit before{};
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit none{4, before.rlim_max};  // 3 is taken: by whatever came first
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &none, nullptr), 0);
  private_fd socket;
  const auto failed = start_worker(session, socket, {.id = 4, .how = GetParam()});
  EXPECT_EQ(failed.what, kind::start_failed);
  EXPECT_EQ(failed.id, 4U);
  EXPECT_EQ(failed.error, EMFILE);
  EXPECT_FALSE(failed.call.empty());
  EXPECT_EQ(hear_from(socket.get()), "");  // nobody has the other end
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(make().ask("count"), "1");
}

// The program has no room for the worker's pidfd: a worker that can't be watched is none.
TEST_P(server, without_a_descriptor_for_its_pidfd_a_worker_is_killed) {
  auto [ours, theirs] = make_socket_pair();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  session.start({.id = 9, .name = "srv", .how = GetParam(), .descriptors = {theirs.get()}});
  theirs.reset();
  const unique_fd lowest_free(::open("/dev/null", O_RDONLY));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto event = wait_for_event(session);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(event.what, kind::start_failed);
  EXPECT_EQ(event.error, EMFILE);
  EXPECT_EQ(hear_from(ours.get()), "");  // it is dead
  // And nobody is told of its end: the next event is of the next worker.
  EXPECT_EQ(make({.id = 10}).started.id, 10U);
}

TEST(server_session, too_many_descriptors) {
  auto session = open_session();
  const worker_request request{.name = "srv", .descriptors = std::vector<int>(254, 2)};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return session.start(request), 0; }),
            "plait: descriptors is 254 of them; expected at most 253");
}

TEST(server_session, as_many_descriptors_as_go) {
  auto session = open_session();
  worker_request request;
  request.descriptors.assign(252, STDERR_FILENO);  // and the socket
  EXPECT_EQ(make_worker(session, request).ask("count"), "253");
}

TEST(server_session, an_empty_one_does_nothing) {
  server_session session;
  EXPECT_EQ(session.descriptor(), -1);
  EXPECT_FALSE(session.next());
  EXPECT_THROW(session.start({}), plait::invalid_state_error);
}

TEST(server_session, moves) {
  auto session = open_session();
  const auto worker = make_worker(session);
  auto moved = std::move(session);
  worker.tell("exit 0");
  EXPECT_EQ(wait_for_event(moved).what, kind::ended);
  const auto last = make_worker(moved);
  moved = open_session();
  wait_until_readable(last.started.pidfd.get());
}

}  // namespace
