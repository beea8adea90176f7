// What a select gives of each series.
#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

class SelectTest : public StoreFixture {};

TEST_F(SelectTest, GivesNoMoreLabelsOfSeriesInMemoryThanAreOfUse) {
  open();
  const int64_t t = clock_.now_ms();
  const Labels full{{"__name__", "m"}, {"a", "1"}, {"b", "2"}};
  append(full, t, 1);
  append(full, t + 1000, 2);
  const auto select = [&](std::vector<std::string> labels, bool sorted) {
    const auto querier = store_->querier();
    SelectHints hints;
    hints.labels = std::move(labels);
    hints.newest_only = true;
    const auto set = (*querier)->select({Matcher::equal("a", "1")}, t, t + 1000, hints, sorted);
    EXPECT_TRUE(set->next());
    const Sample* const only = set->only_sample();
    EXPECT_EQ(only == nullptr ? 0 : only->v, 2);
    const std::string text = set->labels().to_string();
    EXPECT_FALSE(set->next());
    EXPECT_TRUE(set->status().ok());
    return text;
  };
  EXPECT_EQ(select({"b", "c"}, false), "{b=\"2\"}");
  EXPECT_EQ(select({}, false), "{}");
  EXPECT_EQ(select({}, true), full.to_string()) << "they could not be sorted";
}

}  // namespace
}  // namespace tidemark::storage
