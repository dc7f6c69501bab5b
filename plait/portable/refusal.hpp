// Why something can't leave its process, in words: the same where it does not compile and where it fails at run time.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

// One list, because a static_assert takes nothing but a literal (C++26 is the first to take more).
// clang-format off
#define PLAIT_REFUSALS(each)                                                                                         \
  each(raw_pointer, "a raw pointer means nothing in another process; pass the value that it points to, or a "        \
                    "std::unique_ptr")                                                                               \
  each(c_string, "a char* points into this process (a string literal decays to one); pass a std::string")            \
  each(function_pointer, "a function's address is known to another process only as the callable of a call; pass "    \
                         "plait::fn<f>, or a value that says which function is meant")                               \
  each(member_pointer, "a pointer to a member can't travel; pass a captureless lambda that calls or reads the "      \
                       "member")                                                                                     \
  each(reference, "a reference would refer to what only this process has; pass it by value")                         \
  each(reference_wrapper, "a std::reference_wrapper refers to what only this process has; pass it by value")         \
  each(view, "a view (std::string_view, std::span, a range adaptor) does not own what it shows; pass a std::string " \
             "or a std::vector")                                                                                     \
  each(function, "a std::function hides what it calls; pass a function, a captureless lambda, or plait::fn<f>")      \
  each(any, "what is in a std::any is not known when this compiles; pass the value itself, or a std::variant")       \
  each(lock, "a mutex or lock works within one process only")                                                        \
  each(thread, "a thread, or what signals one (condition variable, stop token), belongs to one process")             \
  each(atomic, "an atomic is shared memory of one process's threads; pass its value")                                \
  each(future, "a future or promise belongs to the process that made it; pass the value when it is there")           \
  each(stream, "a stream belongs to one process; pass what is read from it, or the path to open")                    \
  each(capturing_lambda, "a lambda with captures, or a function object with members, can't travel; pass a function " \
                         "or a captureless lambda, and what it captured as arguments")                               \
  each(deleter, "a smart pointer with a deleter of its own, or to an array, can't be made again; pass the value, "   \
                "a std::vector, or a std::unique_ptr with the default deleter")                                      \
  each(comparator, "a container whose comparison or hash function has a state can't be made again; use one of an "   \
                   "empty class")                                                                                    \
  each(polymorphic_class, "a class with virtual functions may be of a derived type, which is not known when this "   \
                          "compiles; pass the value, a std::variant, or give it serialize(Archive&)")                \
  each(base_class, "a plain struct that derives from another is not looked into; give it a member template "         \
                   "serialize(Archive&)")                                                                            \
  each(union_type, "which member of a union is alive is not known; use a std::variant")                              \
  each(const_member, "a const member can't be given its value in the other process; make it non-const, or give the " \
                     "class a member template serialize(Archive&)")                                                  \
  each(too_many_members, "a plain struct of more than 64 members is not looked into; give it a member template "     \
                         "serialize(Archive&)")                                                                      \
  each(private_members, "a class with private members or constructors of its own is not looked into; give it a "     \
                        "member template serialize(Archive&)")                                                       \
  each(half_serialize, "save and load must both be there, for any archive, and save must be const; or use one "      \
                       "serialize(Archive&)")                                                                        \
  each(not_default_constructible, "it is made in the other process before its members are read, so it needs a "      \
                                  "default constructor (a reference as a member has none)")                          \
  each(not_movable, "it must be movable to get into the call")                                                       \
  each(incomplete, "its type is only declared where the call is written; include its definition")                    \
  each(unknown, "plait knows no way to write it down")
// clang-format on

#define PLAIT_REFUSAL_NAME(name, text) name,
enum class refusal : std::uint8_t { none, PLAIT_REFUSALS(PLAIT_REFUSAL_NAME) };
#undef PLAIT_REFUSAL_NAME

[[nodiscard]] constexpr std::string_view sentence(refusal why) noexcept {
#define PLAIT_REFUSAL_SENTENCE(name, text) \
  case refusal::name:                      \
    return text;
  switch (why) {
    case refusal::none:
      return "nothing is wrong with it";
      PLAIT_REFUSALS(PLAIT_REFUSAL_SENTENCE)
  }
#undef PLAIT_REFUSAL_SENTENCE
  return {};
}

}  // namespace plait::inline PLAIT_ABI::detail
