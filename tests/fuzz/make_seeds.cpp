// make_seeds FOLDER: writes the inputs that fuzzing begins with, a folder for each target: right ones, since a fuzzer
// finds the wrong ones by itself.
#include <plait/core/errors.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <regex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "link_operations.hpp"
#include "results.hpp"

namespace {

namespace pd = plait::detail;
using fuzz::operation;

class folder {
 public:
  explicit folder(std::filesystem::path path) : path_(std::move(path)) { std::filesystem::create_directories(path_); }
  void write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("can't write " + (path_ / name).string());
  }

 private:
  std::filesystem::path path_;
};

// ── results ──

using text = std::string;

template <class T> T sample() {
  if constexpr (std::is_arithmetic_v<T>)
    return T{1};
  else
    return {};
}
template <> fuzz::block sample() { return {-1, 2}; }
template <> text sample() { return "text"; }
template <> std::u16string sample() { return u"text"; }
template <> std::u32string sample() { return U"text"; }
template <> std::filesystem::path sample() { return "/a/b"; }
template <> std::vector<std::uint8_t> sample() { return {1, 2, 3}; }
template <> std::vector<std::int32_t> sample() { return {1, 2, 3}; }
template <> std::vector<double> sample() { return {1, 2.5}; }
template <> std::vector<fuzz::block> sample() { return {{1, 2}, {3, 4}}; }
template <> std::vector<bool> sample() { return {true, false, true}; }
template <> std::vector<text> sample() { return {"one", "", "three"}; }
template <> std::vector<std::vector<std::uint16_t>> sample() { return {{1, 2}, {}, {3}}; }
template <> std::deque<text> sample() { return {"a", "b"}; }
template <> std::list<std::int32_t> sample() { return {1, 2}; }
template <> std::forward_list<text> sample() { return {"a", "b"}; }
template <> std::valarray<double> sample() { return {1, 2}; }
template <> std::set<text> sample() { return {"a", "b"}; }
template <> std::multiset<std::int32_t> sample() { return {1, 1, 2}; }
template <> std::map<text, std::vector<std::int32_t>> sample() { return {{"a", {1, 2}}, {"b", {}}}; }
template <> std::multimap<std::int32_t, text> sample() { return {{1, "a"}, {1, "b"}}; }
template <> std::unordered_set<std::int32_t> sample() { return {1, 2, 3}; }
template <> std::unordered_map<text, bool> sample() { return {{"a", true}}; }
template <> std::unordered_multimap<std::int32_t, text> sample() { return {{1, "a"}, {1, "b"}}; }
template <> std::queue<std::int32_t> sample() { return std::queue<std::int32_t>({1, 2}); }
template <> std::stack<text> sample() { return std::stack<text>({"a", "b"}); }
template <> std::pair<bool, text> sample() { return {true, "a"}; }
template <> std::tuple<text, std::int32_t, std::vector<bool>> sample() { return {"a", 1, {true}}; }
template <> std::array<text, 3> sample() { return {"a", "", "c"}; }
template <> std::optional<text> sample() { return "there"; }
template <> std::variant<std::monostate, std::int32_t, text> sample() { return "the third"; }
template <> std::bitset<77> sample() { return 0x123456789; }
template <> std::unique_ptr<text> sample() { return std::make_unique<text>("owned"); }
template <> fuzz::several_shared sample() {
  const auto number = std::make_shared<int>(1);
  return {number, std::make_shared<text>("a"), number, {number, nullptr, std::make_shared<int>(2)}};
}
template <> std::exception_ptr sample() { return std::make_exception_ptr(std::out_of_range("far")); }
template <> std::vector<std::exception_ptr> sample() { return {nullptr, sample<std::exception_ptr>()}; }
template <> plait::outcome<text> sample() { return text("it went well"); }
template <> plait::outcome<void> sample() { return sample<std::exception_ptr>(); }
template <> pd::chunk_outcomes<std::int32_t> sample() { return {1, 2, 3}; }
template <> pd::chunk_outcomes<text> sample() { return {text("a"), sample<std::exception_ptr>(), {}}; }
template <> pd::chunk_outcomes<void> sample() { return {std::monostate(), {}}; }

template <class T> void put_result(pd::byte_writer& to) { pd::result_codec<T>::encode(to, sample<T>()); }

void write_results(const folder& to) {
  for (std::size_t kind = 0; kind < fuzz::kinds_of_results; ++kind) {
    pd::heap_storage memory;
    pd::byte_writer bytes({}, memory);
    bytes.put(static_cast<std::uint8_t>(kind));
    fuzz::with_kind_of_result(kind, [&]<class T>() { put_result<T>(bytes); });
    char name[32];
    std::snprintf(name, sizeof(name), "result_%02zu", kind);
    to.write(name, bytes.bytes());
  }
}

// ── exceptions ──

struct of_no_known_type : std::length_error {
  using std::length_error::length_error;
};

template <class Outer> std::exception_ptr nested(Outer outer) {
  try {
    try {
      throw std::runtime_error("inner");
    } catch (...) {
      std::throw_with_nested(std::move(outer));
    }
  } catch (...) {
    return std::current_exception();
  }
}

template <class E> std::exception_ptr valueless_variant() {
  try {
    static_cast<void>(std::get<E>(std::variant<std::monostate, E>()));
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void write_exceptions(const folder& to) {
  namespace fs = std::filesystem;
  const auto one = [&](const char* name, const std::exception_ptr& error) {
    pd::heap_storage memory;
    pd::byte_writer bytes({}, memory);
    pd::encode_exception(bytes, error);
    to.write(name, bytes.bytes());
  };
  const auto of = [&]<class E>(const char* name, E error) { one(name, std::make_exception_ptr(std::move(error))); };
  of("with_a_text", std::invalid_argument("what"));
  of("without_a_text", std::bad_alloc());
  of("of_plait", plait::timeout_error("late"));
  of("with_a_cause", plait::broken_executor("broken", std::make_exception_ptr(std::domain_error("why"))));
  of("system_error", std::system_error(ENOENT, std::system_category(), "open"));
  of("system_error_without_a_text", std::system_error(ENOENT, std::generic_category()));
  of("ios_failure", std::ios_base::failure("no", std::io_errc::stream));
  of("filesystem_error", fs::filesystem_error("no", std::error_code(ENOENT, std::system_category())));
  of("filesystem_error_one_path", fs::filesystem_error("no", "/a", std::error_code(ENOENT, std::system_category())));
  of("filesystem_error_two_paths",
     fs::filesystem_error("no", "/a", "/b", std::error_code(ENOENT, std::system_category())));
  of("future_error", std::future_error(std::future_errc::no_state));
  of("regex_error", std::regex_error(std::regex_constants::error_brack));
  one("bad_variant_access", valueless_variant<int>());
  of("not_known", of_no_known_type("long"));
  of("registered", fuzz::thrown_with_parts{"outer", std::make_exception_ptr(fuzz::thrown_with_text("inner"))});
  of("registered_by_text", fuzz::thrown_with_text("text"));
  of("cancelled", plait::cancelled_error());
  of("integer", 7);
  of("c_string", static_cast<const char*>("text"));
  of("string", text("text"));
  of("anything", 1.5);
  one("none", nullptr);
  one("nested", nested(std::runtime_error("outer")));
  one("nested_registered", nested(fuzz::thrown_with_text("outer")));
  pd::capture_throws(true);
  one("with_a_trace", nested(std::logic_error("traced")));
  pd::capture_throws(false);
}

// ── links ──

/// An input of link_fuzz, written down.
class program {
 public:
  template <class... Parts> program& then(operation what, Parts... parts) {
    put(what);
    (put(parts), ...);
    return *this;
  }
  program& bytes(std::size_t count) {
    for (; count > 0; --count) put(std::uint8_t{0});
    return *this;
  }
  [[nodiscard]] std::span<const std::byte> written() const noexcept { return bytes_; }

 private:
  template <class T> void put(T value) {
    const auto* const at = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), at, at + sizeof(T));
  }
  std::vector<std::byte> bytes_;
};

constexpr std::uint8_t u8(unsigned value) { return static_cast<std::uint8_t>(value); }
constexpr std::uint16_t u16(unsigned value) { return static_cast<std::uint16_t>(value); }
constexpr std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint64_t u64(std::uint64_t value) { return value; }

// A call, its answer of eight bytes, taken and released.
program& one_call(program& p, unsigned kind = 0) {
  p.then(operation::send, u8(1)).then(operation::reply, u8(kind), u16(8)).bytes(8);
  return p.then(operation::next_reply, u8(2)).then(operation::release);
}

void write_links(const folder& to) {
  using op = operation;
  program calls;
  for (int i = 0; i < 8; ++i) one_call(calls);
  to.write("calls", calls.written());

  program errors;
  for (int i = 0; i < 4; ++i) one_call(errors, 1);
  to.write("errors", errors.written());

  program ahead;  // sent ahead, answered ahead, released late
  for (int i = 0; i < 20; ++i) ahead.then(op::send, u8(i));
  for (int i = 0; i < 20; ++i) ahead.then(op::reply, u8(0), u16(0));
  for (int i = 0; i < 20; ++i) ahead.then(op::next_reply, u8(7));
  for (int i = 0; i < 20; ++i) ahead.then(op::release);
  to.write("ahead", ahead.written());

  program withdrawn;
  for (int i = 0; i < 8; ++i) withdrawn.then(op::send, u8(1)).then(op::send_notice, u8(9));
  withdrawn.then(op::take_call).then(op::is_taken, u8(0)).then(op::withdraw, u8(0)).then(op::ask_to_stop, u8(0));
  for (int i = 0; i < 7; ++i) withdrawn.then(op::withdraw, u8(i % 3));
  withdrawn.then(op::pass_over).then(op::has_room, u32(16'000)).then(op::withdraw_any, u64(99));
  withdrawn.then(op::claim, u8(0), u32(0)).then(op::withdraw, u8(0)).then(op::wake).then(op::arm, u8(1));
  to.write("withdrawn", withdrawn.written());

  program large;  // arguments in blocks
  for (int i = 0; i < 4; ++i) {
    large.then(op::send_large, u8(i)).then(op::take_message).then(op::reply, u8(0), u16(0));
    large.then(op::next_reply, u8(7)).then(op::release);
  }
  for (int i = 0; i < 3; ++i) large.then(op::send_large, u8(60)).then(op::withdraw, u8(0));
  to.write("large_arguments", large.written());

  program wishes;  // results in blocks: one that was asked for, then in the spare one
  wishes.then(op::send, u8(1)).then(op::wish, u32(100'000)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(1));
  wishes.then(op::take_message).then(op::take_message).then(op::reply_in_block, u8(1), u32(90'000));
  wishes.then(op::next_reply, u8(11)).then(op::release);
  wishes.then(op::send, u8(1)).then(op::reply_in_block, u8(0), u32(100'000)).then(op::next_reply, u8(11));
  wishes.then(op::release);
  to.write("wishes", wishes.written());

  program grown;  // a result that grows; the larger spare one replaces the smaller
  for (const unsigned bytes : {70'000U, 200'000U, 100'000U}) {
    grown.then(op::send, u8(1))
        .then(op::wish, u32(bytes / 2))
        .then(op::next_reply, u8(0))
        .then(op::answer_wish, u8(1));
    grown.then(op::wish, u32(bytes)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(1));
    grown.then(op::reply_in_block, u8(1), u32(bytes)).then(op::next_reply, u8(12)).then(op::release);
  }
  to.write("grown", grown.written());

  program refused;
  refused.then(op::send, u8(1)).then(op::wish, u32(100'000)).then(op::next_reply, u8(0)).then(op::answer_wish, u8(0));
  one_call(refused, 1);
  to.write("refused", refused.written());

  program many_wishes;
  many_wishes.then(op::send, u8(1));
  for (int i = 0; i < 50; ++i)
    many_wishes.then(op::wish, u32(8))
        .then(op::next_reply, u8(0))
        .then(op::answer_wish, u8(1))
        .then(op::take_message);
  to.write("many_wishes", many_wishes.written());

  program round;  // once round both rings: large payloads, few of them in the input (what is missing is 0)
  for (int i = 0; i < 80; ++i) {
    round.then(op::send, u8(255)).then(op::write_word, u8(offsetof(pd::link_memory, bed) / 8), u64(1)).then(op::wake);
    round.then(op::reply, u8(0), u16(20)).bytes(20);
    round.then(op::next_reply, u8(7)).then(op::release);
  }
  to.write("round", round.written());

  program left;
  left.then(op::forget_worker_ends).then(op::leave).then(op::send_large, u8(1));
  one_call(left);
  to.write("left", left.written());

  // Wrong ones, so that each way of being wrong has been seen.
  const auto wrong = [&](const char* name, unsigned size, unsigned kind, unsigned in_block, std::uint64_t sequence,
                         std::uint64_t published) {
    program p;
    p.then(op::send, u8(1)).then(op::write_header, u8(0), u32(size), u16(kind), u16(in_block), u64(sequence));
    p.then(op::publish_at, u64(published)).then(op::next_reply, u8(0));
    to.write(name, p.written());
  };
  wrong("wrong_kind", 8, 9, 0, 1, 32);
  wrong("wrong_size", 9, 2, 0, 1, 32);
  wrong("wrong_large_size", 17'000, 2, 0, 1, 32 * 1024);
  wrong("wrong_number", 8, 2, 0, 2, 32);
  wrong("wrong_place", 8, 2, 2, 1, 32);
  wrong("wrong_filler", 8, 0, 0, 1, 64);
  wrong("wrong_block", 16, 2, 1, 1, 64);
  wrong("wrong_block_name", 8, 2, 1, 1, 32);
  wrong("wrong_wish", 4, 1, 0, 1, 32);
  wrong("wrong_publishing", 8, 2, 0, 1, 33);
  wrong("wrong_far_publishing", 8, 2, 0, 1, std::uint64_t{1} << 40);

  // At the same time.
  program racing;
  for (int i = 0; i < 30; ++i) racing.then(op::send, u8(1));
  for (int i = 0; i < 30; ++i) racing.then(op::reply, u8(0), u16(8)).bytes(8);
  // Sizes and kinds of headers to come, then right ones again.
  racing.then(op::rewrite, u8(5));
  for (const auto size : {8u, 9u, 8u, 0xffff'ffffu, 8u, 8u})
    racing.then(static_cast<op>(4), u64(std::uint64_t{2} << 32 | size));
  for (int i = 0; i < 30; ++i) racing.then(op::next_reply, u8(i)).then(op::release);
  to.write("racing_headers", racing.written());

  program words;
  words.then(op::rewrite, u8(7));
  for (unsigned at = 0; at < 8; ++at) words.then(static_cast<op>(128 + at * 16), u64(at % 3));
  for (int i = 0; i < 10; ++i) words.then(op::send, u8(1)).then(op::wake).then(op::has_room, u32(8));
  for (int i = 0; i < 10; ++i) words.then(op::is_taken, u8(i)).then(op::withdraw, u8(i)).then(op::ask_to_stop, u8(0));
  to.write("racing_words", words.written());

  program pages;
  pages.then(op::send, u8(1)).then(op::give_back, u16(0), u16(200));
  one_call(pages);
  to.write("given_back_pages", pages.written());
}

// ── what is written to stderr ──

void write_stderr(const folder& to) {
  const auto one = [&](const char* name, const std::string& bytes) {
    to.write(name, std::as_bytes(std::span(bytes)));
  };
  one("lines",
      "\x06line\n\n\x05"
      "half \x05line\n");
  std::string many;
  for (int i = 0; i < 30; ++i)
    many +=
        "\x02"
        "a\n";
  one("many_lines", many);
  one("long_line", "\xff" + std::string(63, 'x') + "\xff" + std::string(63, 'y') + "\x01\n");
  one("endless_line", [] {
    std::string bytes;
    for (int i = 0; i < 5; ++i) bytes += "\xff" + std::string(63, 'x');
    return bytes;
  }());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "make_seeds FOLDER: expected the folder to write to\n");
    return 2;
  }
  const std::filesystem::path root = argv[1];
  write_results(folder(root / "result"));
  write_exceptions(folder(root / "exception"));
  write_links(folder(root / "link"));
  write_stderr(folder(root / "stderr"));
}
