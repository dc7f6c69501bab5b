#include <plait/loop/internal/look_in.hpp>
#include <plait/loop/internal/loop_core.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::chrono::milliseconds look_at_give_up{50};

loop_watch* find(loop_registry& all, unsigned number) noexcept {
  auto* watch = all.first;
  while (watch && watch->number != number) watch = watch->next;
  return watch;
}

/// Has every loop asked; those that do not run can't be. One that rests on this thread would be waited for in vain:
/// it is only named.
std::vector<loop_snapshot> ask_all(loop_registry& all, std::vector<unsigned>& asked, std::vector<loop_core*>& here) {
  const std::lock_guard lock(all.mutex);
  std::vector<loop_snapshot> pictures;
  for (auto* watch = all.first; watch; watch = watch->next) {
    if (watch->loop().owner_pid() != getpid()) continue;  // of the process that this one was forked from
    auto& picture = pictures.emplace_back();
    picture.number = watch->number;
    if (watch->loop().rests_here()) {
      here.push_back(&watch->loop());
    } else if (watch->loop().can_answer()) {
      asked.push_back(watch->number);
      watch->ask();
    } else {
      picture.instead = "it does not run now";
    }
  }
  std::ranges::reverse(pictures);
  return pictures;
}

}  // namespace

std::vector<loop_snapshot> pictures_of_all(time_point deadline, const std::function<bool()>& give_up) {
  auto& all = loop_registry::get();
  std::vector<unsigned> asked;
  std::vector<loop_core*> here;
  auto pictures = ask_all(all, asked, here);
  // Without the lock: pools are asked for places, with locks of their own. Nobody but this thread may close these.
  for (auto* const loop : here)
    *std::ranges::find(pictures, loop->watch().number, &loop_snapshot::number) = picture_of(*loop);
  for (;;) {
    const auto seen = all.answers.load(std::memory_order_acquire);
    const bool last_look = sync::now() >= deadline || give_up();
    {
      const std::lock_guard lock(all.mutex);
      std::erase_if(asked, [&](unsigned number) {
        auto& picture = *std::ranges::find(pictures, number, &loop_snapshot::number);
        auto* const watch = find(all, number);
        if (!watch)
          picture.instead = "it was closed meanwhile";
        else if (!watch->was_asked())
          picture = watch->answer_of();
        else if (last_look) {
          const auto step = watch->step_now(picture.thread);
          picture.instead = "it does not answer" + (step.empty() ? std::string() : ": it is in " + step);
        } else
          return false;
        picture.number = number;
        return true;
      });
    }
    if (asked.empty()) return pictures;
    sync::futex_wait(all.answers, seen, std::min(deadline, sync::now() + look_at_give_up));
  }
}

void set_loops_inspected(bool on) noexcept {
  auto& all = loop_registry::get();
  const std::lock_guard lock(all.mutex);
  all.inspected = on;
  for (auto* watch = all.first; watch; watch = watch->next) watch->set_inspected(on);
}

}  // namespace plait::inline PLAIT_ABI::detail
