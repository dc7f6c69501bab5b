// What comes over the handover of a sandboxed worker: the filter's listener, as it should, or any messages with any
// descriptors. It is watched, or there is nothing to watch; look() never waits, and no descriptor stays.
#include <plait/processes/internal/sandbox_watch.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hostile_descriptors.hpp"
#include "input.hpp"

namespace {

using plait::detail::sandbox_watch;
using kind = sandbox_watch::news::kind;

class game {
 public:
  explicit game(fuzz::input in) : in_(in) {}

  void play() {
    while (!in_.at_end()) {
      if (const auto what = in_.byte() % 3; what == 0)
        look();
      else if (what == 1)
        send();
      else
        ends_.theirs.reset();
    }
    ends_.theirs.reset();
    look();
    look();
    fuzz::require(came_ || over_, "a handover that was closed is over");
  }

 private:
  // u8 bytes, u8 descriptors, u8 of which kind.
  void send() {
    const std::vector<std::byte> bytes(in_.byte() % 4);
    const auto count = in_.byte() % 5;
    const std::vector<int> descriptors(count, descriptors_.of_kind(in_.byte()));
    static_cast<void>(plait::detail::send_message(ends_.theirs.get(), bytes, descriptors));
  }

  void look() {
    const auto news = watch_.look();
    fuzz::require(news.system_call.empty() == (news.what != kind::violation), "a violation, and no other, is named");
    fuzz::require(!over_ || news.what == kind::over, "what is over stays so");
    fuzz::require(!came_ || (news.what != kind::watching && news.what != kind::lost), "a listener comes once");
    came_ |= news.what == kind::watching;
    over_ |= news.what == kind::over || news.what == kind::lost;
    fuzz::require(!over_ || watch_.descriptor() < 0, "what is over is not polled");
  }

  fuzz::input in_;
  fuzz::hostile_descriptors descriptors_;
  plait::detail::socket_pair ends_ = plait::detail::make_socket_pair();
  sandbox_watch watch_{std::move(ends_.ours)};
  bool came_ = false;
  bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  game(fuzz::input(data, size)).play();
  return 0;
}
