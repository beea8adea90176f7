// NameFilter: what patterns show, and that giving back its cache changes no answer.
#include "exporter/name_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::exporter::testing {
namespace {

void expect_filtered(const NameFilter& filter) {
  EXPECT_TRUE(filter.shows("eth0"));
  EXPECT_TRUE(filter.shows("veth0")) << "a pattern matches anywhere";
  EXPECT_FALSE(filter.shows("eth10"));
  EXPECT_FALSE(filter.shows("lo"));
}

TEST(NameFilter, AnswersTheSameWithoutItsCache) {
  auto filter = NameFilter::compile({"eth\\d+", "1"});
  ASSERT_TRUE(filter);
  for (int round = 0; round < 3; ++round) {
    expect_filtered(*filter);
    filter->release_cache();
  }
}

TEST(NameFilter, ShowsEverythingWithoutPatterns) {
  auto filter = NameFilter::compile({"", ""});
  ASSERT_TRUE(filter);
  filter->release_cache();
  EXPECT_TRUE(filter->shows("lo"));
}

TEST(NameFilter, NamesTheBadPattern) {
  EXPECT_THAT(NameFilter::compile({"", "(eth"}).error().message(), ::testing::HasSubstr("\"(eth\""));
}

}  // namespace
}  // namespace tidemark::exporter::testing
