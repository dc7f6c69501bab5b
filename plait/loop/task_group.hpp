// with_task_group: tasks that end together.
//
//    the awaiting task (the parent)            the group                     its tasks (children)
//    with_task_group ── body(group, args…) ──► create_task ────────────────► run on the parent's loop
//          │  ◄── cancelled, as by cancel() ── abort ◄──── a failure ─────── the first that throws
//          │                                     └──────── cancel ─────────► the others
//        join ◄───────────────── the last is done ◄─────────────────────────
//          ▼
//    what the body returned, or exception_group, or cancelled_error
//
// Guarantees
// - However the body is left, with_task_group returns when all children are done, and not before: one that will not
//   be cancelled is waited for.
// - The first failure, a child's or the body's, cancels the children that are left, and the body where it still runs.
//   The cancel of the body is taken back at the end: who cancelled the parent from outside, before, meanwhile or
//   after, is not mixed up with it, and is not swallowed.
// - All failures come out, as one exception_group, the body's last. A child that is cancelled has not failed.
// - The parent cancelled from outside: children are cancelled and joined, then cancelled_error comes out. If a child
//   failed meanwhile, the exception_group comes out, and the cancel arrives at the parent's next await.
// - A task of the group that waits for the parent would wait for ever once that joins. Where the join closes such a
//   circle, the body has failed (cyclic_await_error): the tasks are cancelled, and let out of that wait.
// - What the body got as arguments lives until all children are done: also its parameters, by value or reference, and
//   what its lambda captured. Its local variables are gone when it has returned: children must not refer to those.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/exception_group.hpp>
#include <plait/core/temporaries.hpp>
#include <plait/loop/body.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/task_handle.hpp>

#include <exception>
#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {
class group_scope;
}

/// Starts tasks that belong together; with_task_group makes it, and nobody else can. Children may start more.
/// Thread safety: on its loop's thread only.
class PLAIT_API task_group {
 public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Starts the task in the next turn, as event_loop::create_task does, as a child of this group. The handle may be
  /// dropped. Throws invalid_state_error where the group is being ended by a failure or a cancel, or has ended, or on
  /// another thread than the loop's, and for a task that was moved from or awaited before: then the task is
  /// destroyed.
  template <class T>
  task_handle<T> create_task(task<T> started, std::string_view name = {},
                             const std::source_location& from = std::source_location::current()) {
    check_takes_tasks();
    auto place = new_place();  // before the task: where memory ends, nothing has been started
    auto handle = loop_.create_task(std::move(started), name, from);
    add(std::move(place), handle.handle());
    return handle;
  }

 private:
  friend class detail::group_scope;
  /// Stands in the list of waiters of a task, and in that of the group's children, until the task is done; then,
  /// where it failed, in the list of failures.
  struct child;
  struct PLAIT_API child_deleter {
    void operator()(child* c) const noexcept;
  };
  using child_place = std::unique_ptr<child, child_deleter>;

  /// Throws invalid_state_error outside of a task.
  task_group();
  ~task_group();
  void check_takes_tasks() const;
  [[nodiscard]] child_place new_place();
  void add(child_place place, const detail::state_handle& task) noexcept;
  void child_done(child_place done) noexcept;
  void abort() noexcept;

  event_loop& loop_;
  detail::task_state& parent_;
  child* children_ = nullptr;  // that are not done, newest first
  child* failures_ = nullptr;  // newest first
  std::exception_ptr body_failure_;
  std::exception_ptr cancellation_;        // goes on to the parent, unless there are failures
  detail::suspension* joining_ = nullptr;  // waits for the last child
  bool body_left_ = false;
  bool aborting_ = false;
  bool cancelled_parent_ = false;  // and owes it an uncancel
};

namespace detail {

/// The group as with_task_group runs it.
class PLAIT_API group_scope final : public task_group {
 public:
  group_scope() = default;
  ~group_scope() = default;

  /// The exception that left the body.
  void body_threw(const std::exception_ptr& error) noexcept;
  void body_returned() noexcept { body_left_ = true; }
  [[nodiscard]] bool has_children() const noexcept { return children_; }

  /// Suspends until no child is left, or the parent was cancelled.
  class PLAIT_API join_awaiter final : public suspension {
   public:
    explicit join_awaiter(group_scope& group) noexcept : group_(&group) {}
    join_awaiter(join_awaiter&& other) noexcept : suspension(), group_(other.group_) {}
    ~join_awaiter() = default;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
      if (this->begin(coroutine, "the end of with_task_group")) return false;
      group_->joining_ = this;
      look_for_circle();
      return true;
    }
    void await_resume() const noexcept {
      group_->joining_ = nullptr;
      group_->parent_.set_closes_circle(false);
      if (was_cancelled()) group_->parent_cancelled();
    }

   private:
    [[nodiscard]] withdrawal withdraw() noexcept override;
    void describe_wait(wait_listener& to) const override;
    void tell_needs(need_listener& to) const noexcept override;
    void look_for_circle() noexcept;
    group_scope* group_;
  };
  [[nodiscard]] join_awaiter join() noexcept { return join_awaiter(*this); }

  /// After the join: throws what comes out of the group, if it is not the body's value.
  void leave();

 private:
  void parent_cancelled() noexcept;
};

template <class T, class Body, class... Args> task<T> run_task_group(Body body, Args... args) {
  using called = called_body_t<Body, task_group, Args...>;
  group_scope group;
  outcome<T> ended;
  if constexpr (awaitable<called>) {
    try {
      auto running = call_body<Body, task_group>(body, group, args...);
      // Named, so that the body's frame, and in it its parameters, outlives the children.
      auto awaiter = awaiter_of(std::move(running));
      try {
        if constexpr (std::is_void_v<T>) {
          static_cast<void>(co_await awaiter);
          ended.emplace();
        } else {
          ended.emplace(co_await awaiter);
        }
        group.body_returned();
      } catch (...) {
        group.body_threw(caught_exception());
      }
      while (group.has_children()) co_await group.join();
    } catch (...) {  // making the body's coroutine threw
      group.body_threw(caught_exception());
    }
  } else {
    try {
      if constexpr (std::is_void_v<T>) {
        call_body<Body, task_group>(body, group, args...);
        ended.emplace();
      } else {
        ended.emplace(call_body<Body, task_group>(body, group, args...));
      }
      group.body_returned();
    } catch (...) {
      group.body_threw(caught_exception());
    }
  }
  while (group.has_children()) co_await group.join();
  group.leave();
  co_return std::move(ended).value();
}

}  // namespace detail

/// Runs `body(group, args...)`, waits for all tasks that it started in the group, and gives what it returned:
///
///     co_await plait::with_task_group([](plait::task_group& g, std::string url) -> plait::task<void> {
///       g.create_task(fetch(url, 1));
///       g.create_task(fetch(url, 2));
///       co_return;
///     }, url);
///
/// The body is a coroutine, or a plain function that only starts tasks. It and its arguments are copied or moved into
/// the group and live until all tasks are done; arguments come to it as rvalues, or as references where it takes them
/// so. Its local variables do not live that long.
/// The first failure, of a task or of the body, cancels the rest and the body; when all are done, the failures come
/// out together as exception_group (see the guarantees above).
/// Cancellation: cancels all tasks, waits for them, and goes on as cancelled_error, unless one of them failed.
/// Throws invalid_state_error where it is awaited by a coroutine that belongs to no task; start it by create_task.
/// Lazy: nothing runs until it is awaited or given to create_task.
template <class Body, class... Args>
  requires detail::body_of<std::decay_t<Body>, task_group, std::decay_t<Args>...>
auto with_task_group(Body&& body, Args&&... args)
    -> task<detail::body_result_t<std::decay_t<Body>, task_group, std::decay_t<Args>...>> {
  detail::warn_about_temporaries<Body, Args...>();
  using result = detail::body_result_t<std::decay_t<Body>, task_group, std::decay_t<Args>...>;
  return detail::run_task_group<result, std::decay_t<Body>, std::decay_t<Args>...>(std::forward<Body>(body),
                                                                                   std::forward<Args>(args)...);
}

}  // namespace plait::inline PLAIT_ABI
