// exception_group: several exceptions as one.
#pragma once

#include <plait/core/config.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace plait::inline PLAIT_ABI {

class exception_group;

namespace detail {

/// Whether an exception is of the type that somebody looks for; where it is, and `found` is not null, a pointer to it
/// is appended there.
using exception_match = bool (*)(const std::exception_ptr& error, void* found);

template <class E> bool matches(const std::exception_ptr& error, void* found) {
  try {
    std::rethrow_exception(error);
  } catch (const E& e) {
    if (found) static_cast<std::vector<const E*>*>(found)->push_back(&e);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace detail

/// Several exceptions that came out of one thing, as the failures of a task group's tasks. A group may hold groups:
/// it is a tree, its leaves are what was thrown.
/// what() tells how many there are and what each says. Copies share what they hold.
/// Thread safety: as of const objects; what it holds does not change.
class PLAIT_API exception_group : public std::exception {
 public:
  /// std::invalid_argument where there is none, or one of them is null. `headline` stands before the list in what().
  explicit exception_group(std::vector<std::exception_ptr> exceptions, std::string_view headline = {});
  exception_group(const exception_group&) noexcept;
  exception_group& operator=(const exception_group&) noexcept;
  ~exception_group() override;

  [[nodiscard]] const char* what() const noexcept override;
  /// As they were given: the order in which they were thrown, groups among them as they are.
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept;

  /// All leaves that are an E, at whatever depth, in order. They live as long as a copy of this group.
  template <class E> [[nodiscard]] std::vector<const E*> find() const {
    static_assert(!std::is_base_of_v<exception_group, E>, "find looks at leaves; for groups go through exceptions()");
    std::vector<const E*> found;
    for_each_leaf(&detail::matches<E>, &found);
    return found;
  }
  template <class E> [[nodiscard]] bool contains() const { return !find<E>().empty(); }

  struct parts;
  /// Parts it in two: the leaves that are an E, and the others, each in groups as they were in this one. To handle
  /// the one kind, and let the rest go on:
  ///     auto [mine, rest] = group.split<std::system_error>();
  ///     if (mine) …;
  ///     if (rest) throw *rest;
  template <class E> [[nodiscard]] parts split() const;

 private:
  struct contents;
  void for_each_leaf(detail::exception_match match, void* found) const;
  [[nodiscard]] parts split_by(detail::exception_match match) const;

  std::shared_ptr<const contents> contents_;
};

/// What exception_group::split gives.
struct exception_group::parts {
  std::optional<exception_group> matching;
  std::optional<exception_group> rest;
};

template <class E> exception_group::parts exception_group::split() const { return split_by(&detail::matches<E>); }

}  // namespace plait::inline PLAIT_ABI
