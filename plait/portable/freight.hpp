// What goes to another process beside the bytes of a message, since it can't be written as bytes: what the kernel
// holds.
//
//   save(archive): puts its cargo into the message's freight, and its place there into the bytes
//   load(archive): takes the place out of the bytes, and finds there what stands for the same thing in its process
//
// How cargo goes there is the business of who sends (processes/internal/shared_pages.hpp). A message that nobody
// could carry it with has no freight: byte_writer::beside() is null.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Something of the kernel's, in this process.
class PLAIT_API cargo {
 public:
  cargo() = default;
  cargo(const cargo&) = delete;
  cargo& operator=(const cargo&) = delete;
  virtual ~cargo();
};

/// Costs nothing while it is empty.
class PLAIT_API freight {
 public:
  /// Its place, counted from 0; of what is in it already, the same again.
  std::uint32_t add(std::shared_ptr<cargo> one);
  /// What came, in the order in which the other side added it.
  void push(std::shared_ptr<cargo> one);
  /// Null where nothing is.
  [[nodiscard]] std::shared_ptr<cargo> at(std::uint32_t place) const noexcept {
    return place < items_.size() ? items_[place] : nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] const std::vector<std::shared_ptr<cargo>>& items() const noexcept { return items_; }
  void clear() noexcept { items_.clear(); }

 private:
  std::vector<std::shared_ptr<cargo>> items_;
};

}  // namespace plait::inline PLAIT_ABI::detail
