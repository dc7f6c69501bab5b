#include <plait/portable/errors.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <map>
#include <mutex>
#include <string>

#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// All pages of this process.
struct known_pages {
  std::mutex lock;  // guards what follows
  std::map<shared_pages::identity, std::weak_ptr<shared_pages>> by_identity;

  // Never destroyed: buffers in statics of users may go later. Whoever forks has its lock, so that no thread has it
  // in the child for ever.
  static known_pages& all() {
    static auto& known = *[] {
      auto* const made = new known_pages;
      pthread_atfork([] { all().lock.lock(); }, [] { all().lock.unlock(); }, [] { all().lock.unlock(); });
      return made;
    }();
    return known;
  }

  [[nodiscard]] std::shared_ptr<shared_pages> find(shared_pages::identity which) {
    const std::lock_guard locked(lock);
    const auto found = by_identity.find(which);
    return found == by_identity.end() ? nullptr : found->second.lock();
  }
};

shared_pages::identity identity_of(int descriptor) {
  const auto file = stat_of(descriptor);
  return {file.st_dev, file.st_ino};
}

}  // namespace

shared_pages::shared_pages(shared_memory&& memory, identity which) noexcept
    : memory_(std::move(memory)), identity_(which) {}

shared_pages::~shared_pages() {
  auto& known = known_pages::all();
  const std::lock_guard locked(known.lock);
  // Not where the same pages have come again since the last holder of these let go.
  const auto found = known.by_identity.find(identity_);
  if (found != known.by_identity.end() && found->second.expired()) known.by_identity.erase(found);
}

std::shared_ptr<shared_pages> shared_pages::known_or(shared_memory&& memory, identity which) {
  std::shared_ptr<shared_pages> made(new shared_pages(std::move(memory), which));
  std::shared_ptr<shared_pages>
      there;  // of two that came at once the first one stays; the other goes without the lock
  auto& known = known_pages::all();
  const std::lock_guard locked(known.lock);
  auto& place = known.by_identity[which];
  there = place.lock();
  if (there)
    made.swap(there);
  else
    place = made;
  return made;
}

std::shared_ptr<shared_pages> shared_pages::create(std::size_t bytes) {
  auto memory = shared_memory::create("plait:buffer", bytes);
  const auto which = identity_of(memory.fd());
  return known_or(std::move(memory), which);
}

std::shared_ptr<shared_pages> shared_pages::receive(unique_fd&& descriptor) {
  const auto which = identity_of(descriptor.get());
  if (auto here = known_pages::all().find(which)) return here;
  return known_or(shared_memory::map_foreign(std::move(descriptor)), which);
}

std::vector<int> shared_pages::descriptors_here() {
  std::vector<int> found;
  std::vector<std::shared_ptr<shared_pages>> held;  // they go without the lock
  auto& known = known_pages::all();
  const std::lock_guard locked(known.lock);
  for (const auto& [which, pages] : known.by_identity) {
    if (auto one = pages.lock()) {
      found.push_back(one->fd());
      held.push_back(std::move(one));
    }
  }
  return found;
}

void check_count(const freight& beside) {
  if (beside.size() <= most_shared_buffers) return;
  throw not_portable("plait: a call or its result carries " + std::to_string(beside.size()) +
                     " different shared buffers; at most " + std::to_string(most_shared_buffers) +
                     " can go along (put them into fewer, larger ones)");
}

std::vector<int> descriptors_of(const freight& beside) {
  std::vector<int> descriptors;
  descriptors.reserve(beside.size());
  for (const auto& each : beside.items()) descriptors.push_back(static_cast<const shared_pages&>(*each).fd());
  return descriptors;
}

freight received(std::vector<unique_fd>&& descriptors) {
  freight made;
  for (auto& each : descriptors) made.push(shared_pages::receive(std::move(each)));
  return made;
}

}  // namespace plait::inline PLAIT_ABI::detail
