#include "assess/demo/narrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumbline::assess {
namespace {

using ::testing::ElementsAre;

TEST(Wrap, BreaksAtSpacesWhereThereAreAny) {
  EXPECT_THAT(Wrap("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("abcdefghij", 4), ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(Wrap("", 4), ElementsAre(""));
}

TEST(Wrap, CountsCharactersAndNotBytes) {
  EXPECT_THAT(Wrap("ééééé", 3), ElementsAre("ééé", "éé"));
}

}  // namespace
}  // namespace plumbline::assess
