#include <plait/core/errors.hpp>
#include <plait/core/exception_group.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace plait::inline PLAIT_ABI {

struct exception_group::contents {
  std::vector<std::exception_ptr> exceptions;
  std::string headline;
  std::string what;
};

namespace {

/// The group that `error` is; null where it is none. Lives as long as `error` does.
const exception_group* group_in(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    return &group;
  } catch (...) {
    return nullptr;
  }
}

std::string default_headline(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " exception" : " exceptions");
}

constexpr std::size_t most_told = 1000;  // arbitrary: of one inner group, whose text each level would copy

std::string list_of(const std::vector<std::exception_ptr>& exceptions) {
  std::string list;
  for (const auto& error : exceptions) {
    if (!list.empty()) list += "; ";
    if (const auto* const inner = group_in(error)) {
      const std::string_view told = inner->what();
      list.append("(").append(told.substr(0, most_told)).append(told.size() > most_told ? " ...)" : ")");
    } else {
      list += detail::describe(error);
    }
  }
  return list;
}

std::optional<exception_group> group_of(std::vector<std::exception_ptr> exceptions, const std::string& headline) {
  if (exceptions.empty()) return std::nullopt;
  return exception_group(std::move(exceptions), headline);
}

}  // namespace

exception_group::exception_group(std::vector<std::exception_ptr> exceptions, std::string_view headline) {
  if (exceptions.empty()) detail::throw_invalid_argument("exceptions", "empty", "at least one exception");
  if (std::ranges::find(exceptions, nullptr) != exceptions.end())
    detail::throw_invalid_argument("exceptions", "a list with a null in it", "exceptions");
  std::string what(headline);
  if (what.empty()) what = default_headline(exceptions.size());
  what += ": " + list_of(exceptions);
  contents_ = std::make_shared<const contents>(
      contents{.exceptions = std::move(exceptions), .headline = std::string(headline), .what = std::move(what)});
}

// Never moved from: a group always holds something.
exception_group::exception_group(const exception_group&) noexcept = default;
exception_group& exception_group::operator=(const exception_group&) noexcept = default;
exception_group::~exception_group() = default;

const char* exception_group::what() const noexcept { return contents_->what.c_str(); }

const std::vector<std::exception_ptr>& exception_group::exceptions() const noexcept { return contents_->exceptions; }

void exception_group::for_each_leaf(detail::exception_match match, void* found) const {
  for (const auto& error : contents_->exceptions) {
    if (const auto* const inner = group_in(error))
      inner->for_each_leaf(match, found);
    else
      match(error, found);
  }
}

exception_group::parts exception_group::split_by(detail::exception_match match) const {
  std::vector<std::exception_ptr> matching;
  std::vector<std::exception_ptr> rest;
  for (const auto& error : contents_->exceptions) {
    if (const auto* const inner = group_in(error)) {
      const auto [in, out] = inner->split_by(match);
      if (in) matching.push_back(out ? std::make_exception_ptr(*in) : error);
      if (out) rest.push_back(in ? std::make_exception_ptr(*out) : error);
    } else {
      (match(error, nullptr) ? matching : rest).push_back(error);
    }
  }
  // A part of it counts anew: a headline that tells of more than there is would be wrong.
  const auto headline = matching.empty() || rest.empty() ? contents_->headline : std::string();
  return {group_of(std::move(matching), headline), group_of(std::move(rest), headline)};
}

}  // namespace plait::inline PLAIT_ABI
