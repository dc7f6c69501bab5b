// Tasks that await one another in a circle would wait for ever. The await that would close the circle throws instead.
//
//    "a" is about to await "b"      b ──needs──► c ──needs──► gather ──needs──► a, x, y      found
//
// The search starts at what is awaited and follows what each task is suspended for. Only tasks of this loop are
// looked into: what another loop's task waits for may change while one looks.
//
// Guarantees
// - Nothing but a circle throws: a wait with a timeout, or for the first of several, goes on without it, and is not
//   followed. (A gather is, though another child's failure would end it.)
// - The end of a task group waits for its tasks and can't throw meanwhile: where it closes a circle the group is
//   cancelled, and who waits for the group's task is let out by that (task_group.hpp).
// - Nobody pays for who can't be in a circle: a task that nobody waits for does not search. So a chain that is built
//   task by task, each awaiting the one before, costs linear time.
// - Not given: circles that lead through more than `furthest` states, through other loops, or through the calls of an
//   executor (a pool looks for those itself). A cancel in such a circle goes round for ever.
#include <plait/core/errors.hpp>
#include <plait/core/home.hpp>
#include <plait/core/state.hpp>

#include <array>
#include <string>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Arbitrary: looking at a state costs some nanoseconds, so that a search ends after some microseconds. Circles that
// programs make by mistake have two or three tasks.
constexpr int furthest = 1000;
// How many states are told in the message.
constexpr std::size_t told = 16;

class cycle_search final : need_listener {
 public:
  explicit cycle_search(const state& wanted) noexcept : wanted_(&wanted) {}

  /// Whether `from` needs the one that is wanted.
  [[nodiscard]] bool leads_back(state& from) noexcept {
    needs(from);
    return found_;
  }
  /// The way from it back to the wanted one, in words.
  [[nodiscard]] std::string way() const {
    std::string text;
    for (std::size_t i = 0; i < length_ && i < told; ++i) append(text, *path_[i]);
    if (length_ > told) text += ", which waits (by way of " + std::to_string(length_ - told) + " more)";
    return text;
  }

 private:
  void needs(state& other) noexcept override {
    if (found_) return;
    if (&other == wanted_) {
      found_ = true;
      return;
    }
    if (++seen_ > furthest || other.done()) return;
    if (length_ < told) path_[length_] = &other;
    ++length_;
    other.tell_needs(*this);
    if (!found_) --length_;
  }
  static void append(std::string& text, const state& on_the_way) {
    if (!text.empty()) text += ", which waits for ";
    text += on_the_way.name().empty() ? "a task or future without a name" : quoted(on_the_way);
  }
  static std::string quoted(const state& named) { return "\"" + std::string(named.name()) + "\""; }

  const state* wanted_;
  int seen_ = 0;
  bool found_ = false;
  std::size_t length_ = 0;
  std::array<const state*, told> path_{};
};

}  // namespace

std::exception_ptr suspension::find_cycle(state& awaited) const {
  const auto* const own = context_->own_state();
  if (!own) return nullptr;
  const bool itself = &awaited == own;
  if (!itself && !own->has_waiters()) return nullptr;
  cycle_search search(*own);
  if (!search.leads_back(awaited)) return nullptr;
  const auto name = own->name().empty() ? std::string("without a name") : "\"" + std::string(own->name()) + "\"";
  const auto how = itself ? " awaits itself: it would wait for ever"
                          : " awaits " + search.way() + ", which waits for that task: all would wait for ever";
  return std::make_exception_ptr(cyclic_await_error("plait: the task " + name + how));
}

void suspension::check_no_cycle(state& awaited) {
  // Each await comes here: most leave at once.
  const auto* const own = context_->own_state();
  if (!own || (&awaited != own && !own->has_waiters())) return;
  const auto found = find_cycle(awaited);
  if (!found) return;
  not_suspended();
  std::rethrow_exception(found);
}

}  // namespace plait::inline PLAIT_ABI::detail
