// The loop and the outside: descriptors, signals, and the loop as a guest of another loop.
//
// As a guest it rests between polls: its inbox is asleep (so that whoever posts writes to the eventfd), a timerfd is
// set to its next timer, and the host waits until the loop's epoll has something. What is added on the host's own
// thread meanwhile rings the eventfd, once a rest. poll() ends the rest, takes what made epoll readable (all of it:
// hosts may watch by edge), runs one turn, and rests again; where something is left to do, it rings at once.
// Worker processes' replies come by way of their pool's own thread then, and its posts: a bell that only this thread
// answers would be a trap for a host that blocks for a result between polls.
#include <plait/core/errors.hpp>
#include <plait/loop/internal/descriptor_table.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/signal_table.hpp>

#include <string>

namespace plait::inline PLAIT_ABI {
namespace detail {

descriptor_table& loop_core::descriptors() {
  if (!descriptors_) descriptors_ = std::make_unique<descriptor_table>(*this, inbox_.sleeper());
  return *descriptors_;
}

signal_table& loop_core::signals() {
  if (!signals_) signals_ = std::make_unique<signal_table>(*this, inbox_);
  return *signals_;
}

void loop_core::check_thread(const char* what) const {
  if (!is_running() || home::current() == this) return;
  throw invalid_state_error("plait: " + std::string(what) +
                            " from another thread than the one on which its event loop runs; use "
                            "call_soon_threadsafe to get there");
}

int loop_core::descriptor() {
  if (is_closed()) throw loop_closed_error("plait: the event loop is closed");
  if (!hosted_.load(std::memory_order_relaxed)) {
    inbox_.sleeper().open_alarm();
    hosted_.store(true, std::memory_order_relaxed);
    if (!is_running()) rest();
  }
  return inbox_.sleeper().descriptor();
}

void loop_core::rest() noexcept {
  resting_ = true;
  told_host_ = false;
  inbox_asleep_ = inbox_.fall_asleep();
  inbox_.sleeper().set_alarm(timers_.next());
  if (ready_ || !inbox_asleep_) tell_host();
}

void loop_core::end_rest() noexcept {
  if (!std::exchange(resting_, false)) return;
  if (std::exchange(inbox_asleep_, false)) inbox_.awaken();
}

void loop_core::tell_host() noexcept {
  if (!std::exchange(told_host_, true)) inbox_.ring();
}

}  // namespace detail

namespace {

void check_descriptor(int descriptor) {
  if (descriptor < 0) detail::throw_invalid_argument("descriptor", std::to_string(descriptor), "an open descriptor");
}

}  // namespace

void event_loop::watch_to_read(int descriptor, std::unique_ptr<detail::lasting_callback> called) {
  check_descriptor(descriptor);
  check_open();
  core_->check_thread("add_reader");
  core_->descriptors().set_callback(descriptor, detail::direction::reading, std::move(called));
  core_->added();
}

void event_loop::watch_to_write(int descriptor, std::unique_ptr<detail::lasting_callback> called) {
  check_descriptor(descriptor);
  check_open();
  core_->check_thread("add_writer");
  core_->descriptors().set_callback(descriptor, detail::direction::writing, std::move(called));
  core_->added();
}

bool event_loop::remove_reader(int descriptor) {
  check_descriptor(descriptor);
  core_->check_thread("remove_reader");
  const bool removed = core_->descriptors().remove_callback(descriptor, detail::direction::reading);
  core_->added();  // others that wait for it may have been woken
  return removed;
}

bool event_loop::remove_writer(int descriptor) {
  check_descriptor(descriptor);
  core_->check_thread("remove_writer");
  const bool removed = core_->descriptors().remove_callback(descriptor, detail::direction::writing);
  core_->added();  // others that wait for it may have been woken
  return removed;
}

void event_loop::handle_signal(int signal, std::unique_ptr<detail::lasting_callback> called) {
  detail::check_signal(signal);
  check_open();
  core_->check_thread("add_signal_handler");
  core_->signals().set_callback(signal, std::move(called));
}

bool event_loop::remove_signal_handler(int signal) {
  detail::check_signal(signal);
  core_->check_thread("remove_signal_handler");
  return core_->signals().remove(signal);
}

int event_loop::descriptor() {
  core_->check_thread("descriptor");
  return core_->descriptor();
}

bool event_loop::poll() { return core_->poll(); }

}  // namespace plait::inline PLAIT_ABI
