#include <plait/core/internal/printable.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/executor/work_item.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/task_snapshot.hpp>
#include <plait/loop/task_handle.hpp>

#include <algorithm>
#include <new>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Arbitrary: more than a person reads, and no burden.
constexpr std::size_t most_tasks = 10'000;
constexpr std::size_t most_waits = 200;  // of one task

std::string quoted(std::string_view name) { return name.empty() ? "" : " \"" + printable(name) + "\""; }

std::string words_for(const work_item& call) {
  const auto place = call.place();
  std::string text = "call" + quoted(call.name());
  if (place.executor.empty()) return text;  // done meanwhile
  if (place.worker.empty()) return text + " queued in " + printable(place.executor);
  if (place.pid == 0) return text + " on thread " + printable(place.worker);
  text += place.runs ? " in process " : " sent ahead to process ";
  return text + printable(place.worker) +
         (place.pid > 0 ? " (pid " + std::to_string(place.pid) + ")" : " (that is being started)");
}

class listener final : public wait_listener, private need_listener {
 public:
  listener(const loop_core& loop, task_row& row) noexcept : loop_(loop), row_(row) {}

  void waits_in(std::string_view what) override { add({printable(what), nullptr}); }
  void waits_for(state& awaited) override {
    if (awaited.done()) return;             // it is about to go on
    if (row_.waits.size() >= most_waits) {  // neither words for it, nor what is below it
      ++more_;
      return;
    }
    if (const auto* const task = dynamic_cast<const task_state*>(&awaited)) {
      const bool here = &task->where() == &loop_;
      add({"task" + quoted(task->name()) + (here ? "" : " of another loop"), here ? task : nullptr});
    } else if (const auto* const call = dynamic_cast<const work_item*>(&awaited)) {
      add({words_for(*call), nullptr});
    } else {
      add({"future" + quoted(awaited.name()), nullptr});
      if (depth_ == deepest) return;
      ++depth_;
      awaited.tell_needs(*this);  // of a gather: what it gathers
      --depth_;
    }
  }
  void finish() {
    if (more_ > 0) row_.waits.push_back({"and " + std::to_string(more_) + " more", nullptr});
  }

 private:
  static constexpr int deepest = 16;  // arbitrary: gathers in gathers

  void needs(state& other) noexcept override {
    try {
      waits_for(other);
    } catch (const std::bad_alloc&) {
      ++more_;
    }
  }
  void add(wait_row one) {
    if (row_.waits.size() < most_waits)
      row_.waits.push_back(std::move(one));
    else
      ++more_;
  }
  const loop_core& loop_;
  task_row& row_;
  std::size_t more_ = 0;
  int depth_ = 0;
};

task_row row_of(const task_state& task, const loop_core& loop) {
  task_row row;
  row.id = &task;
  row.name = printable(task.name());
  row.created_at = shown_place(task.origin());
  const auto* const at = task.suspended_at();
  if (at) {
    listener hears(loop, row);
    at->describe_wait(hears);
    hears.finish();
  }
  if (task_context::current() == &task)
    row.status = "runs";
  else if (task.status() == call_status::pending)
    row.status = "pending";
  else
    row.status = row.waits.empty() ? "ready" : "waits";
  return row;
}

}  // namespace

loop_snapshot picture_of(loop_core& loop) {
  loop_snapshot picture;
  picture.number = loop.watch().number;
  picture.thread = thread_name();  // escaped where it is written
  std::size_t all = 0;
  loop.for_each_task([&](const task_state&) { ++all; });
  picture.left_out = all > most_tasks ? all - most_tasks : 0;
  std::size_t skipped = 0;  // the newest are left out
  loop.for_each_task([&](const task_state& task) {
    if (skipped < picture.left_out)
      ++skipped;
    else
      picture.tasks.push_back(row_of(task, loop));
  });
  std::ranges::reverse(picture.tasks);
  return picture;
}

}  // namespace plait::inline PLAIT_ABI::detail
