// Context variables on their way to worker processes.
#include <plait/portable/context.hpp>
#include <plait/portable/portable_context_var.hpp>
#include <plait/processes/process_pool_fixture_test.hpp>

#include <optional>
#include <stdexcept>
#include <string>

namespace {

using pool_test::dies_at_first;
using pool_test::wait_at;
using testing::AllOf;
using testing::HasSubstr;

/// Which side of its way through the processes it does not survive.
struct fragile_value {
  int breaks = 0;
  template <class Archive> void save(Archive& archive) const {
    if (breaks == 1) throw std::runtime_error("it does not want to be written");
    archive(breaks);
  }
  template <class Archive> void load(Archive& archive) {
    archive(breaks);
    if (breaks == 2) throw std::runtime_error("it does not want to be read");
  }
};

const plait::portable_context_var<std::string> request("process_pool_context_test.request", "none");
const plait::portable_context_var<fragile_value> thin("process_pool_context_test.thin");
const plait::portable_context_var<int> twin("process_pool_context_test.twin");
const plait::portable_context_var<int> other_twin("process_pool_context_test.twin");
const plait::context_var<int> local("process_pool_context_test.local", 0);

std::string request_there() { return request.get(); }
std::size_t request_size_there() { return request.get().size(); }
int local_there() { return local.get(); }
int thin_there() { return thin.get().breaks; }
std::string request_behind_death(const std::string& traces) {
  dies_at_first(traces, 1);
  return request.get();
}
std::string request_two_deep() {
  plait::process_pool_executor inner{{.max_workers = 1}};
  return inner.submit(request_there).result();
}

class process_pool_context : public testing::Test {
 protected:
  plait::process_pool_executor pool{{.max_workers = 1}};
};

TEST_F(process_pool_context, what_is_not_portable_stays_here) {
  const auto guard = local.scoped(5);
  const auto with_it = request.scoped("4711");
  EXPECT_EQ(pool.submit(local_there).result(), 0);
  EXPECT_EQ(pool.submit(request_there).result(), "4711");
}

TEST_F(process_pool_context, a_value_too_large_for_the_ring_comes_too) {
  const auto guard = request.scoped(std::string(1'000'000, 'x'));
  EXPECT_EQ(pool.submit(request_size_there).result(), 1'000'000u);
}

TEST_F(process_pool_context, comes_with_calls_that_had_to_wait) {
  const test_support::portable_gate gate;
  const auto blocker = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  plait::future<std::string> urgent, later;
  {
    const auto guard = request.scoped("later");
    later = pool.submit({.priority = -1}, request_there);
  }
  {
    const auto guard = request.scoped("urgent");
    urgent = pool.submit({.priority = 1}, request_there);
  }
  const auto bare = pool.submit(request_there);
  gate.let_through(1);
  EXPECT_EQ(urgent.result(), "urgent");
  EXPECT_EQ(later.result(), "later");
  EXPECT_EQ(bare.result(), "none");
}

TEST_F(process_pool_context, comes_with_the_attempt_behind_a_death) {
  const test_support::portable_gate folder;
  const auto guard = request.scoped("4711");
  const auto call = pool.submit({.retries = 1, .retry_on = plait::retry_on<plait::worker_died>}, request_behind_death,
                                folder.path());
  EXPECT_EQ(call.result(), "4711");
}

TEST_F(process_pool_context, goes_on_into_a_workers_own_pools) {
  const auto guard = request.scoped("4711");
  EXPECT_EQ(pool.submit(request_two_deep).result(), "4711");
}

TEST_F(process_pool_context, a_value_that_can_not_be_written_fails_that_call_and_is_named) {
  const auto guard = thin.scoped(fragile_value{1});
  EXPECT_EQ(
      test_support::message_in<plait::not_portable>(pool.submit(thin_there).exception()),
      "plait: the value of the context variable \"process_pool_context_test.thin\" could not be written down for "
      "another process: std::runtime_error: it does not want to be written");
  const auto mended = thin.scoped(fragile_value{0});
  EXPECT_EQ(pool.submit(thin_there).result(), 0);
}

TEST_F(process_pool_context, a_value_that_can_not_be_read_fails_that_call_and_is_named) {
  const auto guard = thin.scoped(fragile_value{2});
  EXPECT_EQ(test_support::message_in<plait::decode_error>(pool.submit(thin_there).exception()),
            "plait: the value of the context variable \"process_pool_context_test.thin\" could not be read in the "
            "worker: std::runtime_error: it does not want to be read");
  const auto mended = thin.scoped(fragile_value{0});
  EXPECT_EQ(pool.submit(thin_there).result(), 0);
}

TEST_F(process_pool_context, a_variable_that_the_worker_has_not_is_named) {
  const plait::portable_context_var<int> of_this_test("process_pool_context_test.made_in_main");
  {
    const auto guard = of_this_test.scoped(1);
    EXPECT_THAT(test_support::message_in<plait::decode_error>(pool.submit(request_there).exception()),
                AllOf(HasSubstr("does not know the context variable \"process_pool_context_test.made_in_main\""),
                      HasSubstr("before main begins")));
  }
  EXPECT_EQ(pool.submit(request_there).result(), "none");
}

TEST_F(process_pool_context, a_variable_that_is_gone_hinders_nobody) {
  std::optional<plait::portable_context_var<int>> gone(std::in_place, "process_pool_context_test.gone");
  const auto guard = request.scoped("4711");
  gone->set(1);
  gone.reset();
  EXPECT_EQ(pool.submit(request_there).result(), "4711");
}

TEST_F(process_pool_context, two_variables_of_one_name_are_told_from_each_other_by_an_error) {
  const auto guard = twin.scoped(1);
  EXPECT_THAT(test_support::message_in<plait::not_portable>(pool.submit(request_there).exception()),
              HasSubstr("several portable context variables named \"process_pool_context_test.twin\""));
}

TEST_F(process_pool_context, a_missing_value_is_an_error_of_the_same_type_there) {
  EXPECT_THROW(pool.submit(thin_there).result(), plait::no_context_value_error);
}

TEST(process_pool_context_bytes, are_none_where_nothing_portable_is_set) {
  plait::detail::heap_storage memory;
  plait::detail::byte_writer to({}, memory);
  EXPECT_FALSE(plait::detail::encode_context(to, {}));
  const auto guard = local.scoped(1);
  EXPECT_FALSE(plait::detail::encode_context(to, plait::detail::copy_context()));
  EXPECT_EQ(to.size(), 0u);
}

}  // namespace
