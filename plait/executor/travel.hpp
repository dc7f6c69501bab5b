// How a call leaves its process and is run where it arrives.
//
//    traveling_call::encode: callable, arguments ──bytes──►  run_arrived<F, Args...>: decode, call, encode the result
//    traveling_call::decode_result                  ◄──bytes──┘        (found there by the address of that function)
//
// What a call needs for that is known when it compiles, so each one is made as one of three items: for threads alone
// (call.hpp), one that travels, or one that would travel but can't, and says why (not_portable).
#pragma once

#include <plait/executor/call.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/callable.hpp>
#include <plait/portable/codec.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/require.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// Its callable, its arguments and its result can be written down and read in another process.
template <class F, class... Args>
concept traveling = portable_call<F, call_result<F, Args...>, Args...>;

/// More bytes of data are written and read as all others are.
inline constexpr std::size_t most_plain = 64;
static_assert(most_plain <= UINT8_MAX);  // work_item::plain

/// How a result travels; executor::map's chunks have one of their own.
template <class R> struct result_codec {
  static void encode(byte_writer& to, const R& result) { detail::encode(to, result); }
  [[nodiscard]] static R decode(byte_reader& from) { return detail::decode<R>(from); }
};

/// Where a call arrives: reads it, runs it, writes its result. Throws what the call throws, decode_error, and what
/// users' types throw when they are read or written.
using arrival = void (*)(byte_reader& in, byte_writer& out, call_environment& environment);

template <class F, class... Args>
void run_arrived(byte_reader& in, byte_writer& out, [[maybe_unused]] call_environment& environment) {
  F f = callable_codec<F>::decode(in);
  std::tuple<Args...> arguments{decode<Args>(in)...};  // in braces: in this order
  if (in.remaining() != 0) throw_decode_error("bytes are left behind the arguments");
  in.let_go();
  const auto run = [&]() -> decltype(auto) {
    return std::apply(
        [&](Args&... args) -> decltype(auto) {
          if constexpr (called_with_token<F, Args...>)
            return std::invoke(std::move(f), environment.stop_token(), std::move(args)...);
          else
            return std::invoke(std::move(f), std::move(args)...);
        },
        arguments);
  };
  if constexpr (std::is_void_v<call_result<F, Args...>>)
    run();
  else
    result_codec<call_result<F, Args...>>::encode(out, static_cast<const call_result<F, Args...>&>(run()));
}

template <class F, class... Args> class traveling_call final : public call<F, Args...> {
  using R = call_result<F, Args...>;

 public:
  using call<F, Args...>::call;

  [[nodiscard]] const void* thunk() const noexcept override {
    return reinterpret_cast<const void*>(static_cast<arrival>(&run_arrived<F, Args...>));
  }
  void encode(byte_writer& to) const override {
    const auto& [f, arguments] = this->insides();
    callable_codec<F>::encode(to, f);
    to.mark();
    std::apply([&](const Args&... args) { ((detail::encode(to, args), to.mark()), ...); }, arguments);
  }
  void decode_result(byte_reader& from) override {
    if constexpr (std::is_void_v<R>)
      this->value().emplace();
    else
      this->value().emplace(result_codec<R>::decode(from));
    if (from.remaining() != 0) throw_decode_error("bytes are left behind a result");
  }
  [[nodiscard]] std::size_t plain_size() const noexcept override {
    if constexpr (plain_callable<F> && (plain_block<Args> && ...)) {
      constexpr std::size_t size = (callable_codec<F>::plain_size + ... + sizeof(Args));
      if constexpr (size <= most_plain) {
        if (callable_codec<F>::is_plain(this->insides().first) && is_code_of_program(thunk()))
          return std::max(size, std::size_t{1});
      }
    }
    return 0;
  }
  [[nodiscard]] bool keep_plain_result(std::span<const std::byte> bytes) noexcept override {
    if constexpr (std::is_void_v<R>) {
      if (!bytes.empty()) return false;
      this->value().emplace();
      return true;
    } else if constexpr (plain_block<R> && sizeof(R) <= most_plain && std::is_trivially_default_constructible_v<R>) {
      if (bytes.size() != sizeof(R)) return false;
      this->value().emplace(byte_reader(bytes).get<R>());
      return true;
    } else {
      return false;
    }
  }
  void keep_trace(std::string&& trace) override { trace_ = std::make_unique<std::string>(std::move(trace)); }
  [[nodiscard]] std::string remote_trace() const override { return trace_ ? readable_trace(*trace_) : std::string(); }

 private:
  std::unique_ptr<std::string> trace_;  // of an exception that came back
};

/// The call as the user wrote it, which is what a refusal speaks of: what executor::map makes of it has another
/// shape.
template <class F, class... Args> struct call_as_written {
  static constexpr void require_portable() { require_portable_call<F, call_result<F, Args...>, Args...>(); }
  [[nodiscard]] static std::string why_not_portable() {
    return why_call_is_not_portable<F, call_result<F, Args...>, Args...>();
  }
};

template <class F, class... Args> class immobile_call final : public call<F, Args...> {
 public:
  using call<F, Args...>::call;

  void encode(byte_writer&) const override { throw not_portable(call_as_written<F, Args...>::why_not_portable()); }
};

/// Makes the items of an executor of which nothing more is known here.
struct items_for_anywhere {
  template <class F, class... Args> static constexpr void require() noexcept {}

  template <class F, class... Args>
  using item = std::conditional_t<traveling<std::decay_t<F>, std::decay_t<Args>...>,
                                  std::type_identity<traveling_call<std::decay_t<F>, std::decay_t<Args>...>>,
                                  std::type_identity<immobile_call<std::decay_t<F>, std::decay_t<Args>...>>>::type;

  template <class F, class... Args>
  [[nodiscard]] static auto& make(const call_options& options, F&& f, Args&&... args) {
    return make_work_item<item<F, Args...>>(options, std::forward<F>(f), std::forward<Args>(args)...);
  }
};

/// Makes the items of an executor whose calls leave the process: those that can't are refused when they compile.
struct items_for_processes {
  /// What map asks for each of its items, so that the compiler points to the line with the map.
  template <class F, class... Args> static constexpr void require() {
    call_as_written<std::decay_t<F>, std::decay_t<Args>...>::require_portable();
  }

  template <class F, class... Args>
  [[nodiscard]] static auto& make(const call_options& options, F&& f, Args&&... args) {
    require<F, Args...>();
    return items_for_anywhere::make(options, std::forward<F>(f), std::forward<Args>(args)...);
  }
};

}  // namespace plait::inline PLAIT_ABI::detail
