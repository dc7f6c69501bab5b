#include <plait/core/thread_name.hpp>

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>

namespace {

std::string name_in_kernel() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

template <class F> void on_a_new_thread(F f) { std::thread(f).join(); }

TEST(thread_name, the_programs_first_thread_is_the_main_thread) { EXPECT_EQ(plait::thread_name(), "MainThread"); }

TEST(thread_name, a_thread_without_one_has_the_kernels) {
  on_a_new_thread([] {
    pthread_setname_np(pthread_self(), "from outside");
    EXPECT_EQ(plait::thread_name(), "from outside");
  });
}

TEST(thread_name, the_kernel_sees_the_tail_of_a_long_one) {
  on_a_new_thread([] {
    plait::set_thread_name("ThreadPoolExecutor-0_12");
    EXPECT_EQ(plait::thread_name(), "ThreadPoolExecutor-0_12");
    EXPECT_EQ(name_in_kernel(), "olExecutor-0_12");
    plait::set_thread_name("fifteen letters");
    EXPECT_EQ(name_in_kernel(), "fifteen letters");
  });
}

}  // namespace
