#include <plait/portable/internal/standard_exceptions.hpp>

#include <array>
#include <map>
#include <mutex>
#include <set>

namespace plait::inline PLAIT_ABI::detail {

namespace {

/// A category of another process's that this one has not: its codes keep their number and the category's name.
class foreign_category final : public std::error_category {
 public:
  explicit foreign_category(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] std::string message(int code) const override {
    return "error " + std::to_string(code) + " of category " + name_;
  }

 private:
  std::string name_;
};

// What must live as long as the program can be named by a hostile process too: no more than so many of each, and none
// longer.
constexpr std::size_t most_kept = 1000;
constexpr std::size_t longest_kept = 1024;

const std::error_category& category_of_name(const std::string& name) {
  for (const std::error_category* known :
       {&std::generic_category(), &std::system_category(), &std::iostream_category(), &std::future_category()})
    if (name == known->name()) return *known;
  static std::mutex mutex;
  static auto& others = *new std::map<std::string, foreign_category>();
  const std::scoped_lock lock(mutex);
  if (const auto found = others.find(name); found != others.end()) return found->second;
  if (others.size() >= most_kept) throw_decode_error("too many different categories of errors came");
  if (name.size() > longest_kept) throw_decode_error("a category of errors has too long a name");
  return others.try_emplace(name, name).first->second;
}

}  // namespace

void write_code(byte_writer& to, const std::error_code& code) {
  write_text(to, code.category().name());
  to.put(std::int32_t{code.value()});
}

std::error_code read_code(byte_reader& from) {
  const std::string category = read_c_string(from);
  const auto value = from.get<std::int32_t>();
  return {value, category_of_name(category)};
}

std::string_view without_message_of(const std::error_code& code, std::string_view what) {
  const std::string message = code.message();
  if (what == message) return {};
  if (what.ends_with(": " + message)) what.remove_suffix(message.size() + 2);
  return what;
}

std::bad_variant_access bad_variant_access_that_says(std::string_view what) {
  struct throws_when_made {
    throws_when_made() = default;
    throws_when_made(const throws_when_made&) = default;
    throws_when_made& operator=(const throws_when_made&) = default;
    explicit throws_when_made(int) { throw 0; }
  };
  using either = std::variant<int, throws_when_made>;
  either valueless;
  try {
    valueless.emplace<1>(0);
  } catch (int) {
  }
  const either holds_int;
  const std::array<void (*)(const either&, const either&), 3> ways = {
      [](const either& good, const either&) { (void)std::get<1>(good); },
      [](const either&, const either& bad) { (void)std::get<0>(bad); },
      [](const either&, const either& bad) { std::visit([](const auto&) {}, bad); }};
  for (const auto way : ways) {
    try {
      way(holds_int, valueless);
    } catch (const std::bad_variant_access& e) {
      if (e.what() == what) return e;
    }
  }
  return {};
}

std::regex_error regex_error_that_says(std::regex_constants::error_type code, const std::string& what) {
#ifdef __GLIBCXX__
  // Its constructor that takes a text is not for users; this function is what the library throws with.
  try {
    std::__throw_regex_error(code, what.c_str());
  } catch (const std::regex_error& e) {
    return e;
  }
#endif
  return std::regex_error(code);
}

const char* kept_for_good(const std::string& text) {
  static std::mutex mutex;
  static auto& texts = *new std::set<std::string>();
  const std::scoped_lock lock(mutex);
  if (const auto found = texts.find(text); found != texts.end()) return found->c_str();
  const bool keeps = texts.size() < most_kept && text.size() <= longest_kept;
  return keeps ? texts.insert(text).first->c_str() : nullptr;
}

}  // namespace plait::inline PLAIT_ABI::detail
