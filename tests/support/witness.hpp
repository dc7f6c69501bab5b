// Objects that tell how many of them live, and on which thread they die.
#pragma once

#include <atomic>
#include <thread>
#include <utility>

namespace test_support {

/// Of the witnesses of one test: how many were made, how many live, how many died elsewhere than on their home thread
/// (the one that made the ledger, unless the test says otherwise).
struct ledger {
  std::atomic<int> made{0};
  std::atomic<int> alive{0};
  std::atomic<int> died_elsewhere{0};
  std::thread::id home = std::this_thread::get_id();
};

/// Can be moved; a moved-from one counts no more. One that is destroyed twice is seen by `alive` going below 0.
class witness {
 public:
  explicit witness(ledger& where) noexcept : ledger_(&where) {
    ++where.made;
    ++where.alive;
  }
  witness(witness&& other) noexcept : ledger_(std::exchange(other.ledger_, nullptr)) {}
  witness& operator=(witness&&) = delete;
  ~witness() {
    if (!ledger_) return;
    --ledger_->alive;
    if (std::this_thread::get_id() != ledger_->home) ++ledger_->died_elsewhere;
  }

 private:
  ledger* ledger_;
};

}  // namespace test_support
