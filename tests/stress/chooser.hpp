// Where all choices come from. The same seed makes the same ones; what comes of them is the scheduler's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace stress {

class chooser {
 public:
  explicit chooser(std::uint64_t seed) : random_(seed) {}

  /// From 0 to below.
  [[nodiscard]] int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  [[nodiscard]] bool one_in(int many) { return below(many) == 0; }
  template <class T, std::size_t N> [[nodiscard]] T one_of(const T (&all)[N]) { return all[random_() % N]; }
  template <class T> [[nodiscard]] T& among(std::vector<T>& all) { return all[random_() % all.size()]; }
  /// For another chooser.
  [[nodiscard]] std::uint64_t seed() { return random_(); }

 private:
  std::mt19937_64 random_;
};

}  // namespace stress
