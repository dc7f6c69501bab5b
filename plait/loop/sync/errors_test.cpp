#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync/errors.hpp>
#include <plait/loop/to_process.hpp>

#include <string>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace plait {
namespace {

template <class E> int throws(std::string text) { throw E(text); }

template <class E> std::string text_that_comes_from_a_process() {
  return test_support::message_of<E>([] {
    event_loop loop;
    loop.run_until_complete(loop.default_process_pool().submit(throws<E>, std::string("said there")));
  });
}

TEST(sync_errors, come_from_a_process_as_what_they_are) {
  EXPECT_EQ(text_that_comes_from_a_process<queue_empty>(), "said there");
  EXPECT_EQ(text_that_comes_from_a_process<queue_shut_down>(), "said there");
  EXPECT_EQ(text_that_comes_from_a_process<broken_barrier_error>(), "said there");
}

}  // namespace
}  // namespace plait
