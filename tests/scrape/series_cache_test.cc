#include "aggregator/scrape/series_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace tidemark::scrape {
namespace {

// A round that shows these texts; the labels of a text are the text up to its ":".
void show(SeriesCache& cache, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    SeriesCache::Slot slot = cache.find(text);
    if (slot == SeriesCache::kNone) slot = cache.insert(text);
    SeriesCache::Entry& entry = cache.at(slot);
    entry.labels_hash = std::hash<std::string>()(text.substr(0, text.find(':')));
    entry.ref = storage::SeriesRef{entry.labels_hash};
    entry.seen_in = entry.tracked_in = cache.round();
    entry.live = true;
  }
}

size_t end_good_round(SeriesCache& cache) {
  const auto stale = cache.stale();
  cache.clear_stale(stale);
  cache.evict_unseen();
  return stale.size();
}

TEST(SeriesCache, finds_in_any_order) {
  SeriesCache cache(1);
  cache.begin_round();
  show(cache, {"a", "b", "c"});
  const SeriesCache::Slot b = cache.find("b");
  EXPECT_EQ(end_good_round(cache), 0U);
  cache.begin_round();
  EXPECT_EQ(cache.find("c"), 2U);
  EXPECT_EQ(cache.find("nope"), SeriesCache::kNone);
  EXPECT_EQ(cache.find("a"), 0U);
  EXPECT_EQ(cache.find("b"), b);
  EXPECT_EQ(cache.size(), 3U);
}

TEST(SeriesCache, agrees_with_a_plain_map_under_churn) {
  std::mt19937 random(20);
  SeriesCache cache(random());
  std::set<std::string> shown;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 60; ++i) {
      if (random() % 4 != 0) texts.push_back("series" + std::to_string(i + round / 10));
    }
    if (random() % 3 == 0) std::shuffle(texts.begin(), texts.end(), random);
    const std::set<std::string> now(texts.begin(), texts.end());
    size_t gone = 0;
    for (const std::string& text : shown) gone += now.contains(text) ? 0 : 1;
    cache.begin_round();
    for (const std::string& text : now) EXPECT_EQ(cache.find(text) != SeriesCache::kNone, shown.contains(text)) << text;
    show(cache, texts);
    EXPECT_EQ(end_good_round(cache), gone) << "round " << round;
    EXPECT_EQ(cache.size(), now.size());
    shown = now;
  }
}

TEST(SeriesCache, staleness_goes_by_labels) {
  SeriesCache cache(1);
  cache.begin_round();
  show(cache, {"a:1", "b:1"});
  end_good_round(cache);
  cache.begin_round();
  show(cache, {"a:2"});
  EXPECT_EQ(end_good_round(cache), 1U) << "b; a is there under another text";
  cache.forget_texts();
  EXPECT_EQ(cache.size(), 0U);
  cache.begin_round();
  show(cache, {"c:1"});
  EXPECT_EQ(end_good_round(cache), 1U) << "a again";
  cache.begin_round();
  show(cache, {"c:1"});
  EXPECT_EQ(end_good_round(cache), 0U);
}

TEST(SeriesCache, a_target_that_only_fails_cannot_fill_memory) {
  SeriesCache cache(1);
  cache.begin_round();
  show(cache, {"a"});
  end_good_round(cache);
  int flushes = 0;
  for (int round = 0; round < 100; ++round) {
    cache.begin_round();
    for (int i = 0; i < 100; ++i) cache.insert("bad" + std::to_string(round * 100 + i));
    cache.begin_round();  // As after a bad page.
    flushes += cache.bound_growth() ? 1 : 0;
    EXPECT_LE(cache.size(), 1'002U);
  }
  EXPECT_GE(flushes, 9);
  EXPECT_NE(cache.find("a"), SeriesCache::kNone) << "its marker is still owed";
}

}  // namespace
}  // namespace tidemark::scrape
