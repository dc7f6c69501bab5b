// Pictures of loops as text.
#include <plait/core/internal/printable.hpp>
#include <plait/loop/internal/task_snapshot.hpp>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// A chain of thousands that wait for one another would be drawn off the page, and its indentation fill the memory: it
// goes on further down, as a tree of its own.
constexpr std::size_t deepest = 40;

std::string headline(const loop_snapshot& loop) {
  std::string text = "loop " + std::to_string(loop.number);
  if (!loop.thread.empty()) text += " on thread " + printable(loop.thread);
  text += ": ";
  if (!loop.instead.empty()) return text + loop.instead + "\n";
  const auto count = loop.tasks.size() + loop.left_out;
  return text + (count == 0 ? "no task" : count == 1 ? "1 task" : std::to_string(count) + " tasks") + "\n";
}

std::string footline(const loop_snapshot& loop) {
  return loop.left_out == 0 ? "" : "and " + std::to_string(loop.left_out) + " more tasks, created later\n";
}

std::string name_of(const task_row& task) { return task.name.empty() ? "(no name)" : task.name; }

/// Characters, not bytes.
std::size_t width_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

class tree {
 public:
  explicit tree(const loop_snapshot& loop) : loop_(loop) {
    std::unordered_set<const void*> awaited;
    for (const auto& task : loop.tasks) {
      rows_.emplace(task.id, &task);
      for (const auto& wait : task.waits)
        if (wait.task) awaited.insert(wait.task);
    }
    for (const auto& task : loop.tasks)
      if (!awaited.contains(task.id)) tops_.push_back(&task);
  }

  [[nodiscard]] std::string draw() && {
    text_ = headline(loop_);
    for (std::size_t i = 0; i < tops_.size(); ++i) draw_task(*tops_[i], "", 0);  // drawing adds some
    for (const auto& task : loop_.tasks) {                                       // those that wait in a ring
      if (drawn_.contains(task.id)) continue;
      const auto before = tops_.size();
      draw_task(task, "", 0);
      for (auto i = before; i < tops_.size(); ++i) draw_task(*tops_[i], "", 0);
    }
    return text_ + footline(loop_);
  }

 private:
  void draw_task(const task_row& task, const std::string& indent, std::size_t depth) {
    text_ += "task \"" + name_of(task) + "\" " + task.status;
    if (!drawn_.insert(task.id).second) {
      text_ += " (see above)\n";
      return;
    }
    if (!task.created_at.empty()) text_ += "  [" + task.created_at + "]";
    text_ += "\n";
    for (std::size_t i = 0; i < task.waits.size(); ++i) {
      const bool last = i + 1 == task.waits.size();
      draw_wait(task.waits[i], indent, last, depth + 1);
    }
  }

  void draw_wait(const wait_row& wait, const std::string& indent, bool last, std::size_t depth) {
    text_ += indent + (last ? "└─ " : "├─ ");
    const auto row = rows_.find(wait.task);
    if (!wait.task || row == rows_.end()) {
      text_ += wait.text + "\n";
    } else if (depth >= deepest && !drawn_.contains(wait.task)) {
      text_ += wait.text + " (see below)\n";
      if (later_.insert(wait.task).second) tops_.push_back(row->second);
    } else {
      draw_task(*row->second, indent + (last ? "   " : "│  "), depth);
    }
  }

  const loop_snapshot& loop_;
  std::unordered_map<const void*, const task_row*> rows_;
  std::vector<const task_row*> tops_;
  std::unordered_set<const void*> drawn_;
  std::unordered_set<const void*> later_;
  std::string text_;
};

std::string joined(const std::vector<wait_row>& waits) {
  std::string text;
  for (const auto& wait : waits) text.append(text.empty() ? "" : ", ").append(wait.text);
  return text.empty() ? "-" : text;
}

std::string table(const loop_snapshot& loop) {
  constexpr std::size_t columns = 4;
  std::vector<std::array<std::string, columns>> lines;
  if (!loop.tasks.empty()) lines.push_back({"TASK", "STATUS", "CREATED AT", "WAITS FOR"});
  for (const auto& task : loop.tasks)
    lines.push_back(
        {name_of(task), task.status, task.created_at.empty() ? "-" : task.created_at, joined(task.waits)});
  std::array<std::size_t, columns> widths{};
  for (const auto& line : lines)
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  std::string text = headline(loop);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < columns; ++i) text.append(line[i]).append(widths[i] - width_of(line[i]) + 2, ' ');
    text.append(line.back()).append("\n");
  }
  return text + footline(loop);
}

}  // namespace

std::string as_table(const std::vector<loop_snapshot>& loops) {
  std::string text;
  for (const auto& loop : loops) text += (text.empty() ? "" : "\n") + table(loop);
  return text.empty() ? "no event loop\n" : text;
}

std::string as_tree(const std::vector<loop_snapshot>& loops) {
  std::string text;
  for (const auto& loop : loops) text += (text.empty() ? "" : "\n") + tree(loop).draw();
  return text.empty() ? "no event loop\n" : text;
}

}  // namespace plait::inline PLAIT_ABI::detail
