// A libuv program whose loop also runs plait's: it waits for the loop's descriptor beside all else, and lets the loop
// have a turn when that is readable.
#include <plait/plait.hpp>

#include <array>
#include <chrono>
#include <thread>

#include <unistd.h>
#include <uv.h>

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
  uv_loop_t* const host = uv_default_loop();
  plait::event_loop loop;

  // This is all that it takes.
  uv_poll_t watch;
  watch.data = &loop;
  uv_poll_init(host, &watch, loop.descriptor());
  uv_poll_start(&watch, UV_READABLE,
                [](uv_poll_t* watched, int, int) { static_cast<plait::event_loop*>(watched->data)->poll(); });

  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return 1;
  fmt::print("tick\n");
  const auto done = loop.create_task(guest(pipe[0]));
  done.add_done_callback([&watch](const plait::future<void>&) {
    uv_close(reinterpret_cast<uv_handle_t*>(&watch), nullptr);  // the host's last handle: its loop ends
  });
  uv_timer_t timer;  // the host's own work, all the while
  timer.data = &pipe[1];
  uv_timer_init(host, &timer);
  const auto write = [](uv_timer_t* rung) {
    static_cast<void>(!::write(*static_cast<int*>(rung->data), "hello", 5));
    uv_close(reinterpret_cast<uv_handle_t*>(rung), nullptr);
  };
  uv_timer_start(&timer, write, 50, 0);
  uv_run(host, UV_RUN_DEFAULT);
  uv_loop_close(host);
  fmt::print("bye\n");
}
