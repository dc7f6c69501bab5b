// Who waits for whom, as text: the tasks of loops, and the calls that they wait for.
#pragma once

#include <plait/core/config.hpp>

#include <cstdio>
#include <string>

namespace plait::inline PLAIT_ABI {

/// A line a task: its name, whether it is pending (not begun), runs, is ready to go on, or waits and for what, where
/// it was created. On a running loop's thread: that loop's tasks. Elsewhere: those of all loops of the program that
/// run, or are inside another loop (event_loop::descriptor); each is asked, and has a second to answer: one that does
/// not is named with what it is at. Between two polls the thread that polls a loop looks at it itself. What names
/// contain that a terminal would obey is escaped. At most 10,000 tasks a loop, and 200 waits of one task.
/// Thread-safe. Its cost is linear in the tasks and their waits, except that each call that is waited for is looked
/// for, under its pool's lock: in a thread pool among the workers; in a process pool among the calls that are with
/// the workers, running or sent ahead (up to 1024 a worker), among all of them where it is still in the queue.
[[nodiscard]] PLAIT_API std::string task_table();

/// The same as a tree: under each task the tasks and the calls that it waits for; under a call the thread or process
/// that runs it. Tasks that nobody waits for come first; one that several wait for is drawn once.
[[nodiscard]] PLAIT_API std::string task_tree();

enum class task_style : unsigned char { table, tree };

/// Writes it to `to`.
PLAIT_API void print_tasks(task_style style = task_style::tree, std::FILE* to = stderr);

}  // namespace plait::inline PLAIT_ABI
