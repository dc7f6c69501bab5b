#include <plait/processes/internal/ring.hpp>

#include <vector>

#include <gtest/gtest.h>

namespace plait {
namespace {

struct ring_of_1024 {
  std::vector<std::byte> memory = std::vector<std::byte>(1024);
  detail::ring ring{memory, 64};
};

TEST(ring, positions_never_wrap_offsets_do) {
  ring_of_1024 it;
  EXPECT_EQ(it.ring.offset(1024 * 7 + 64), 64u);
  EXPECT_EQ(it.ring.rest(1024 * 7 + 64), 960u);
  EXPECT_EQ(it.ring.rest(1024), 1024u);
  EXPECT_EQ(it.ring.at(1024 * 7 + 64), it.memory.data() + 64);
  EXPECT_TRUE(it.ring.aligned(128));
  EXPECT_FALSE(it.ring.aligned(129));
}

TEST(ring, messages_lie_in_one_piece) {
  ring_of_1024 it;
  EXPECT_EQ(it.ring.rounded(1), 64u);
  EXPECT_EQ(it.ring.rounded(64), 64u);
  EXPECT_EQ(it.ring.rounded(65), 128u);
  EXPECT_EQ(it.ring.place(896, 128), 896u);
  EXPECT_EQ(it.ring.place(896, 129), 1024u);
  EXPECT_EQ(it.ring.place(2048 + 960, 65), 3072u);
}

TEST(ring, what_a_filler_takes_counts) {
  ring_of_1024 it;
  EXPECT_TRUE(it.ring.fits(0, 1024, 0));
  EXPECT_FALSE(it.ring.fits(0, 1025, 0));
  EXPECT_FALSE(it.ring.fits(64, 1024, 0));
  EXPECT_TRUE(it.ring.fits(896, 128, 0));
  EXPECT_FALSE(it.ring.fits(896, 192, 128));  // filler of 128, then 192
  EXPECT_TRUE(it.ring.fits(896, 192, 192));
  EXPECT_FALSE(it.ring.fits(1024, 1, 0));
}

}  // namespace
}  // namespace plait
