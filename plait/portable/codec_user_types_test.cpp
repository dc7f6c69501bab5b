// Users' classes with functions of cereal's protocol, and plain structs without any.
#include <plait/portable/codec.hpp>
#include <plait/portable/round_trip_test.hpp>

#include <cstdint>
#include <string>

#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/string.hpp>  // as users' own code may have it
#include <cereal/types/vector.hpp>
#include <gtest/gtest.h>

namespace users {

class with_serialize {
 public:
  with_serialize() = default;
  explicit with_serialize(int n) : number_(n), text_(std::to_string(n)), many_(3, n) {}
  template <class Archive> void serialize(Archive& archive) { archive(number_, text_, many_); }
  bool operator==(const with_serialize&) const = default;

 private:
  int number_ = 0;
  std::string text_;
  std::vector<int> many_;
};

class with_save_and_load {
 public:
  with_save_and_load() = default;
  explicit with_save_and_load(int n) : number_(n) {}
  template <class Archive> void save(Archive& archive) const { archive(number_, std::string("saved")); }
  template <class Archive> void load(Archive& archive) { archive(number_, text_); }
  [[nodiscard]] bool loaded() const { return text_ == "saved"; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_ = 0;
  std::string text_;
};

class with_private_serialize {
 public:
  int number = 0;

 private:
  friend class cereal::access;
  template <class Archive> void serialize(Archive& archive) { archive(number); }
  [[maybe_unused]] int not_sent_ = 0;
};

class with_minimal {
 public:
  std::string name;
  template <class Archive> [[nodiscard]] std::string save_minimal(const Archive&) const { return name; }
  template <class Archive> void load_minimal(const Archive&, const std::string& loaded) { name = loaded; }
};

class with_version {
 public:
  int number = 0;
  std::uint32_t version_seen = 0;
  template <class Archive> void serialize(Archive& archive, std::uint32_t version) {
    version_seen = version;
    archive(number);
  }
};

struct with_free_functions {
  int number = 0;
  int* not_sent = nullptr;
};
template <class Archive> void serialize(Archive& archive, with_free_functions& value) { archive(value.number); }

struct base {
  int in_base = 0;
  template <class Archive> void serialize(Archive& archive) { archive(in_base); }
};
struct derived : base {
  int in_derived = 0;
  template <class Archive> void serialize(Archive& archive) { archive(cereal::base_class<base>(this), in_derived); }
};

// A class that is polymorphic may travel where it says how.
struct polymorphic {
  int number = 0;
  virtual ~polymorphic() = default;
  template <class Archive> void serialize(Archive& archive) { archive(number); }
};

class reads_less_than_it_writes {
 public:
  template <class Archive> void save(Archive& archive) const { archive(1, 2); }
  template <class Archive> void load(Archive& archive) {
    int one = 0;
    archive(one);
  }
};

struct throws_when_saved {
  template <class Archive> void save(Archive&) const { throw std::domain_error("can't be saved"); }
  template <class Archive> void load(Archive&) {}
};

struct point {
  double x = 0, y = 0;
  bool operator==(const point&) const = default;
};
struct with_padding {
  char letter = 0;
  int number = 0;
  bool operator==(const with_padding&) const = default;
};
struct with_everything {
  int number = 0;
  std::string text;
  point where;
  std::vector<point> path;
  std::array<char, 4> tag{};
  double matrix[2][2] = {};
  std::string names[2];
  std::optional<with_padding> maybe;
  std::unique_ptr<std::string> owned;
  unsigned low : 3 = 0;
  unsigned high : 29 = 0;
  bool yes = false;
  with_serialize whole;
};
struct empty {
  bool operator==(const empty&) const = default;
};
struct holds_empty {
  empty nothing;
  bool operator==(const holds_empty&) const = default;
};
struct tree {
  int number = 0;
  std::vector<tree> children;
  std::map<std::string, tree> named;
  std::unique_ptr<tree> left;
};
struct list {
  std::unique_ptr<list> next;
};
template <class T> struct box {
  T content;
  bool operator==(const box&) const = default;
};

}  // namespace users

CEREAL_CLASS_VERSION(users::with_version, 7)

namespace {

using portable_test::decoded;
using portable_test::encoded;
using portable_test::round_trip;

TEST(codec_of_users_classes, uses_the_functions_they_have) {
  EXPECT_EQ(round_trip(users::with_serialize(3)), users::with_serialize(3));
  const auto saved = round_trip(users::with_save_and_load(4));
  EXPECT_TRUE(saved.loaded());
  EXPECT_EQ(saved.number(), 4);
  users::with_private_serialize secret;
  secret.number = 5;
  EXPECT_EQ(round_trip(secret).number, 5);
  users::with_minimal minimal;
  minimal.name = "small";
  EXPECT_EQ(round_trip(minimal).name, "small");
  EXPECT_EQ(round_trip(users::with_free_functions{6, nullptr}).number, 6);
  users::polymorphic object;
  object.number = 7;
  EXPECT_EQ(round_trip(object).number, 7);
}

TEST(codec_of_users_classes, tells_them_the_version) {
  users::with_version versioned;
  versioned.number = 3;
  const auto same = decoded<users::with_version>(encoded(versioned));
  EXPECT_EQ(same.number, 3);
  EXPECT_EQ(same.version_seen, 7U);
}

TEST(codec_of_users_classes, goes_through_bases_that_they_name) {
  users::derived object;
  object.in_base = 1;
  object.in_derived = 2;
  const auto same = round_trip(object);
  EXPECT_EQ(same.in_base, 1);
  EXPECT_EQ(same.in_derived, 2);
}

TEST(codec_of_users_classes, goes_into_containers) {
  const std::map<int, std::vector<users::with_serialize>> many = {{1, {users::with_serialize(1)}}, {2, {}}};
  EXPECT_EQ(round_trip(many), many);
}

TEST(codec_of_users_classes, finds_a_load_that_reads_other_than_its_save_wrote) {
  const std::vector<users::reads_less_than_it_writes> two(2);
  const auto bytes = encoded(two);
  plait::detail::byte_reader from(bytes);
  EXPECT_THROW((void)plait::detail::decode<std::vector<users::reads_less_than_it_writes>>(from), plait::decode_error);
}

TEST(codec_of_users_classes, lets_their_exceptions_through) {
  EXPECT_THROW((void)encoded(users::throws_when_saved()), std::domain_error);
}

TEST(codec_of_plain_structs, needs_nothing_of_theirs) {
  EXPECT_EQ(round_trip(users::point{1, 2}), (users::point{1, 2}));
  EXPECT_EQ(round_trip(users::with_padding{'c', 3}), (users::with_padding{'c', 3}));
  EXPECT_EQ(round_trip(users::empty()), users::empty());
  EXPECT_EQ(round_trip(users::holds_empty()), users::holds_empty());
  EXPECT_EQ(round_trip(std::vector<users::empty>(3)).size(), 3U);
  EXPECT_EQ(round_trip(users::box<std::string>{"b"}), (users::box<std::string>{"b"}));
}

TEST(codec_of_plain_structs, walks_every_kind_of_field) {
  users::with_everything all;
  all.number = 1;
  all.text = "text";
  all.where = {2, 3};
  all.path = {{4, 5}, {6, 7}};
  all.tag = {'t', 'a', 'g', 0};
  all.matrix[1][0] = 8;
  all.names[1] = "name";
  all.maybe = users::with_padding{'p', 9};
  all.owned = std::make_unique<std::string>("owned");
  all.low = 5;
  all.high = 1'000'000;
  all.yes = true;
  all.whole = users::with_serialize(10);

  const auto same = round_trip(all);
  EXPECT_EQ(same.number, 1);
  EXPECT_EQ(same.text, "text");
  EXPECT_EQ(same.where, all.where);
  EXPECT_EQ(same.path, all.path);
  EXPECT_EQ(same.tag, all.tag);
  EXPECT_EQ(same.matrix[1][0], 8);
  EXPECT_EQ(same.names[1], "name");
  EXPECT_EQ(same.maybe, all.maybe);
  ASSERT_NE(same.owned, nullptr);
  EXPECT_EQ(*same.owned, "owned");
  EXPECT_EQ(same.low, 5U);
  EXPECT_EQ(same.high, 1'000'000U);
  EXPECT_TRUE(same.yes);
  EXPECT_EQ(same.whole, all.whole);
}

TEST(codec_of_plain_structs, goes_down_into_those_that_hold_themselves) {
  users::tree root;
  root.number = 1;
  root.children.emplace_back().number = 2;
  root.named["three"].number = 3;
  root.left = std::make_unique<users::tree>();
  root.left->children.emplace_back().number = 4;

  const auto same = round_trip(root);
  EXPECT_EQ(same.number, 1);
  EXPECT_EQ(same.children.at(0).number, 2);
  EXPECT_EQ(same.named.at("three").number, 3);
  EXPECT_EQ(same.left->children.at(0).number, 4);
}

TEST(codec_of_plain_structs, copies_those_without_gaps_as_one_block) {
  static_assert(plait::detail::plain_block<users::point>);
  static_assert(plait::detail::plain_block<std::array<users::point, 2>>);
  static_assert(!plait::detail::plain_block<users::with_padding>);
  EXPECT_EQ(encoded(std::vector<users::point>(1000)).size(), 8 + 8 + 1000 * sizeof(users::point));
}

users::list chain(int length) {
  users::list head;
  for (int i = 1; i < length; ++i) {
    auto next = std::make_unique<users::list>();
    next->next = std::move(head.next);
    head.next = std::move(next);
  }
  return head;
}

TEST(codec_of_deep_values, takes_chains_of_hundreds_and_refuses_endless_ones) {
  int length = 0;
  const auto same = decoded<users::list>(encoded(chain(900)));
  for (const auto* at = &same; at != nullptr; at = at->next.get()) ++length;
  EXPECT_EQ(length, 900);
  EXPECT_THROW((void)encoded(chain(5000)), plait::decode_error);
}

}  // namespace
