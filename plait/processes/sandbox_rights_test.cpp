// What the kernel says of a sandboxed worker, seen from outside.
#include <plait/processes/internal/landlock.hpp>

#include <sstream>

#include "process_pool_programs_test.hpp"
#include "sandbox_fixture_test.hpp"
#include <tests/support/refuse.hpp>

namespace {

using namespace pool_test;

/// The values of one line of a file of /proc/PID, with single spaces: of "NoNewPrivs:\t1" it is "1".
std::string line_of(pid_t process, const std::string& file, const std::string& key) {
  std::ifstream lines("/proc/" + std::to_string(process) + "/" + file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream words(line.substr(key.size()));
    std::string values;
    for (std::string word; words >> word;) values.append(values.empty() ? "" : " ").append(word);
    return values;
  }
  return "no " + key;
}

struct rights {
  std::string no_new_privileges, seccomp, core, file_size, descriptors;
  friend bool operator==(const rights&, const rights&) = default;
  friend void PrintTo(const rights& r, std::ostream* out) {
    *out << "NoNewPrivs " << r.no_new_privileges << ", Seccomp " << r.seccomp << ", core " << r.core << ", file size "
         << r.file_size << ", open files " << r.descriptors;
  }
};
rights rights_of(pid_t process) {
  return {line_of(process, "status", "NoNewPrivs:"), line_of(process, "status", "Seccomp:"),
          line_of(process, "limits", "Max core file size"), line_of(process, "limits", "Max file size"),
          line_of(process, "limits", "Max open files")};
}

class sandbox_rights : public sandbox_test, public testing::WithParamInterface<plait::start_method> {
 protected:
  /// Of a worker that has run a call, so it is inside.
  static rights of_worker(const plait::sandbox::policy& policy) {
    process_pool_executor pool({.max_workers = 1, .start = GetParam(), .sandbox = policy});
    return rights_of(pool.submit(own_pid).result());
  }

  const rights none_left{.no_new_privileges = "1",
                         .seccomp = "2",
                         .core = "0 0 bytes",
                         .file_size = "0 0 bytes",
                         .descriptors = "256 256 files"};
};
INSTANTIATE_TEST_SUITE_P(by, sandbox_rights, both_starts, name_of_start);

TEST_P(sandbox_rights, to_compute_are_few) { EXPECT_EQ(of_worker(plait::sandbox::compute), none_left); }

TEST_P(sandbox_rights, to_read_are_no_more) {
  if (plait::detail::landlock_version() <= 0) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(of_worker(plait::sandbox::read_only{{"/usr"}}), none_left);
}

TEST_P(sandbox_rights, without_a_sandbox_are_the_programs) {
  EXPECT_EQ(of_worker(plait::sandbox::none()), rights_of(::getpid()));
}

// Nothing of it is root's: neither entering it, nor watching what is in it.
void use_as_an_ordinary_user(plait::start_method start) {
  program::require(test_support::become_ordinary_user(), 20);
  process_pool_executor pool({.max_workers = 1, .start = start, .sandbox = plait::sandbox::compute});
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 2);
  const auto pid = known_pids(pool, 1).at(0);
  const auto usages = pool.worker_usages();
  program::require(usages.size() == 1 && usages.at(0).pid == pid, 3);
  program::require(usages.at(0).peak_resident_bytes.value_or(0) > 0, 4);
  program::require(forbidden_call(pool.submit(contents_of, std::string("/etc/passwd"))) == "openat", 5);
  program::require(pool.submit(square, 3).result() == 9, 6);
}
PLAIT_PROGRAM(sandboxes_by_fork_as_an_ordinary_user) { use_as_an_ordinary_user(plait::start_method::fork_server); }
PLAIT_PROGRAM(sandboxes_by_exec_as_an_ordinary_user) { use_as_an_ordinary_user(plait::start_method::spawn); }

TEST_P(sandbox_rights, of_ordinary_users_are_enough) {
  const bool execs = GetParam() == plait::start_method::spawn;
  program ordinary(execs ? "sandboxes_by_exec_as_an_ordinary_user" : "sandboxes_by_fork_as_an_ordinary_user");
  expect_clean_end(ordinary);
}

}  // namespace
