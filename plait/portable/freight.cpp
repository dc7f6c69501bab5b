#include <plait/portable/freight.hpp>

#include <algorithm>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

cargo::~cargo() = default;

std::uint32_t freight::add(std::shared_ptr<cargo> one) {
  const auto found = std::ranges::find(items_, one);
  const auto place = static_cast<std::uint32_t>(found - items_.begin());
  if (found == items_.end()) items_.push_back(std::move(one));
  return place;
}

void freight::push(std::shared_ptr<cargo> one) { items_.push_back(std::move(one)); }

}  // namespace plait::inline PLAIT_ABI::detail
