#include <plait/processes/internal/block_cache.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

// Below, a block's own costs (a descriptor, a mapping on each side) weigh more than its pages.
constexpr std::size_t smallest_block = std::size_t{64} << 10;

// What address spaces end at: more is an answer of the kernel's that need not be asked for.
constexpr std::size_t largest = std::size_t{1} << 46;

// A worker that has it mapped still could keep its pages for ever. (Those of arguments it does keep, until it hears
// that they were dropped: what it cannot write to, nobody can take from it.)
void free_pages(const block_memory_record& record) noexcept {
  if (record.writer == block_cache::nobody || record.seen_by == block_cache::nobody) return;
  ::fallocate(record.memory.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
              static_cast<off_t>(record.memory.bytes().size()));
}

}  // namespace

block::block(block_cache& cache, std::unique_ptr<block_memory_record> record) noexcept
    : cache_(&cache), record_(std::move(record)) {}

block::block(block&& other) noexcept = default;

block& block::operator=(block&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(record_, other.record_);
  const block held(std::move(other));  // goes back now
  return *this;
}

block::~block() {
  if (record_) cache_->give_back(std::move(record_));
}

std::uint64_t block::id() const noexcept { return record_->id; }
std::span<std::byte> block::memory() const noexcept { return record_->memory.bytes(); }
int block::fd() const noexcept { return record_->memory.fd(); }
void block::show_to(std::uint64_t worker) noexcept { record_->seen_by = worker; }

block_cache::block_cache() noexcept : block_cache(options{}) {}
block_cache::block_cache(const options& chosen) noexcept : options_(chosen) {}
block_cache::~block_cache() { clear(); }

std::size_t block_cache::rounded(std::size_t bytes) {
  if (bytes <= smallest_block) return smallest_block;
  if (bytes > largest) {
    throw std::system_error(ENOMEM, std::system_category(),
                            "plait: a block of " + std::to_string(bytes) + " bytes of shared memory");
  }
  const auto eighth = std::bit_floor(bytes - 1) / 8;
  return (bytes + eighth - 1) / eighth * eighth;
}

std::unique_ptr<block_memory_record> block_cache::find_idle(std::size_t bytes, std::uint64_t writer) noexcept {
  const auto may = [&](const block_memory_record& record) {
    return record.writer == writer &&
           (writer != nobody || record.seen_by == nobody || options_.sharing == block_sharing::arguments);
  };
  // The smallest that is large enough, and not wastefully so; of equal ones the warmest.
  auto best = idle_.end();
  for (auto at = idle_.begin(); at != idle_.end(); ++at) {
    const auto size = (*at)->memory.bytes().size();
    if (size < bytes || size / 2 > bytes || !may(**at)) continue;
    if (best == idle_.end() || size <= (*best)->memory.bytes().size()) best = at;
  }
  if (best == idle_.end()) return nullptr;
  auto found = std::move(*best);
  idle_.erase(best);
  return found;
}

block block_cache::take(std::size_t bytes, std::uint64_t writer) {
  bytes = rounded(bytes);
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    idle_.reserve(figures_.used + idle_.size() + 1);  // so that giving back needs no memory
    if (auto found = find_idle(bytes, writer)) {
      ++figures_.reused;
      ++figures_.used;
      figures_.idle_bytes -= found->memory.bytes().size();
      return {*this, std::move(found)};
    }
    id = next_id_++;
    ids_.insert(ids_.end(), id);
    ++figures_.used;
  }
  try {
    const auto other = writer == nobody ? other_side::reads_only : other_side::writes;
    auto made = std::make_unique<block_memory_record>(
        block_memory_record{id, shared_memory::create("plait:block", bytes, other), writer, nobody});
    const std::lock_guard lock(mutex_);
    ++figures_.made;
    return {*this, std::move(made)};
  } catch (...) {
    const std::lock_guard lock(mutex_);
    std::erase(ids_, id);
    --figures_.used;
    throw;
  }
}

void block_cache::give_back(std::unique_ptr<block_memory_record> record) noexcept {
  {
    const std::lock_guard lock(mutex_);
    --figures_.used;
    figures_.idle_bytes += record->memory.bytes().size();
    idle_.push_back(std::move(record));
  }
  for (;;) {
    std::unique_ptr<block_memory_record> gone;  // freed without the lock: it can take long
    {
      const std::lock_guard lock(mutex_);
      if (figures_.idle_bytes <= options_.idle_limit) return;
      // The warmest goes where it alone is too much; else what was idle for longest.
      const auto at = idle_.back()->memory.bytes().size() > options_.idle_limit ? idle_.end() - 1 : idle_.begin();
      gone = retire(at);
    }
    free_pages(*gone);
  }
}

std::unique_ptr<block_memory_record> block_cache::retire(idle_list::iterator at) noexcept {
  auto gone = std::move(*at);
  idle_.erase(at);
  std::erase(ids_, gone->id);
  figures_.idle_bytes -= gone->memory.bytes().size();
  freed_.fetch_add(1, std::memory_order_release);  // pairs with freed()
  return gone;
}

template <class Which> void block_cache::free_idle(Which which) noexcept {
  for (;;) {
    std::unique_ptr<block_memory_record> gone;
    {
      const std::lock_guard lock(mutex_);
      const auto at = std::find_if(idle_.begin(), idle_.end(), [&](const auto& record) { return which(*record); });
      if (at == idle_.end()) return;
      gone = retire(at);
    }
    free_pages(*gone);
  }
}

void block_cache::forget(std::uint64_t worker) noexcept {
  const bool shares = options_.sharing == block_sharing::arguments;
  free_idle([&](const block_memory_record& record) {
    return record.writer == worker || (!shares && record.seen_by == worker);
  });
}

void block_cache::clear() noexcept {
  free_idle([](const block_memory_record&) { return true; });
}

block_cache::figures block_cache::look() const {
  const std::lock_guard lock(mutex_);
  auto now = figures_;
  now.idle = idle_.size();
  return now;
}

std::vector<std::uint64_t> block_cache::without(const std::vector<std::uint64_t>& ids) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> gone;
  for (const auto id : ids)
    if (!std::binary_search(ids_.begin(), ids_.end(), id)) gone.push_back(id);
  return gone;
}

}  // namespace plait::inline PLAIT_ABI::detail
