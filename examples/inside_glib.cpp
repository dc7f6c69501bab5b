// A GLib program (GTK is one) whose main loop also runs plait's: it waits for the loop's descriptor beside all else,
// and lets the loop have a turn when that is readable.
#include <plait/plait.hpp>

#include <array>
#include <chrono>
#include <thread>

#include <glib-unix.h>
#include <unistd.h>

using namespace std::chrono_literals;

int blocks() {
  std::this_thread::sleep_for(20ms);
  return 42;
}

plait::task<void> guest(int descriptor) {
  const int answer = co_await plait::to_thread(blocks);
  fmt::print("the blocking call gave {}\n", answer);
  co_await plait::readable(descriptor);
  std::array<char, 64> text{};
  const auto size = ::read(descriptor, text.data(), text.size());
  fmt::print("heard: {}\n", std::string_view(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
  co_await plait::sleep(5ms);
}

int main() {
  GMainLoop* const host = g_main_loop_new(nullptr, FALSE);
  plait::event_loop loop;

  // This is all that it takes.
  const guint watch = g_unix_fd_add(
      loop.descriptor(), G_IO_IN,
      [](gint, GIOCondition, gpointer plait_loop) -> gboolean {
        static_cast<plait::event_loop*>(plait_loop)->poll();
        return G_SOURCE_CONTINUE;
      },
      &loop);

  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return 1;
  fmt::print("tick\n");
  const auto done = loop.create_task(guest(pipe[0]));
  done.add_done_callback([host](const plait::future<void>&) { g_main_loop_quit(host); });
  g_timeout_add(  // the host's own work, all the while
      50, [](gpointer to) -> gboolean { return ::write(GPOINTER_TO_INT(to), "hello", 5) == 5 ? FALSE : TRUE; },
      GINT_TO_POINTER(pipe[1]));
  g_main_loop_run(host);

  g_source_remove(watch);  // before the loop is destroyed
  g_main_loop_unref(host);
  fmt::print("bye\n");
}
