// Files of others: what of them is shown, and what is said of the rest.
#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "exporter/external_text.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TextfileTest : public ::testing::Test {
 protected:
  TextfileTest() {
    config_.textfile.directories = {dir_.path()};
    config_.logger = &logger_;
  }
  // What is there, without the directory's name.
  std::string show() {
    if (collector_ == nullptr) collector_ = make_collector("textfile", config_);
    std::string text = collected(*collector_);
    for (size_t at = 0; (at = text.find(dir_.path() + "/")) != text.npos;) text.erase(at, dir_.path().size() + 1);
    return text;
  }

  const tidemark::testing::TempDir dir_;
  tidemark::testing::MemoryLogger logger_;
  CollectorConfig config_ = fixture_config();
  std::unique_ptr<Collector> collector_;
};

TEST_F(TextfileTest, ShowsWhatIsThere) {
  dir_.write("a.prom", "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\"} 5\n");
  dir_.write("b.prom", "b 1\nb{z=\"1\",a=\"2\",e=\"\"} 2");  // No last newline.
  dir_.write("ignored.txt", "no_metrics 1\n");
  const std::string text = show();
  EXPECT_THAT(text, HasSubstr("# TYPE a_total counter\na_total{x=\"1\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE b untyped\nb 1\nb{a=\"2\",z=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("node_textfile_mtime_seconds{file=\"a.prom\"} 1"));
  EXPECT_THAT(text, HasSubstr("node_textfile_mtime_seconds{file=\"b.prom\"} 1"));
  EXPECT_THAT(text, HasSubstr("node_textfile_scrape_error 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("no_metrics")));
  EXPECT_TRUE(logger_.lines().empty());
}

TEST_F(TextfileTest, AnErrorOfLongAgoIsNotTakenForOne) {
  dir_.write("a.prom", "a 1\n");
  errno = EINTR;
  EXPECT_THAT(show(), HasSubstr("a 1\n"));
}

TEST_F(TextfileTest, HistogramsAndSummariesStayWhole) {
  const std::string page =
      "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
      "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\ns_count 2\n";
  dir_.write("a.prom", page);
  EXPECT_THAT(show(),
              HasSubstr("# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"));
  EXPECT_THAT(show(), HasSubstr("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\ns_count 2\n"));
}

TEST_F(TextfileTest, ABadFileCostsOnlyItself) {
  dir_.write("bad.prom", "ok_metric 1\nbad line here\n");
  dir_.write("good.prom", "good 1\n");
  const std::string text = show();
  EXPECT_THAT(text, HasSubstr("\ngood 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("ok_metric")));
  EXPECT_THAT(text, HasSubstr("tidemark_textfile_file_error{file=\"bad.prom\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("node_textfile_scrape_error 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("node_textfile_mtime_seconds{file=\"bad.prom\"}")));
  show();
  EXPECT_EQ(logger_.lines().size(), 1u) << "said once";
  EXPECT_TRUE(logger_.contains("line 2"));
  dir_.write("bad.prom", "ok_metric 1\n");
  EXPECT_THAT(show(), AllOf(HasSubstr("\nok_metric 1\n"), HasSubstr("node_textfile_scrape_error 0\n")));
}

TEST_F(TextfileTest, WhatIsLeftOutIsReported) {
  dir_.write("a.prom", "m{x=\"1\"} 1\nm{x=\"1\"} 2\nold 1 1700000000000\n");
  dir_.write("b.prom", "# HELP m Another help.\nm{x=\"1\"} 3\nm{x=\"2\"} 4\n");
  dir_.write("c.prom", "# TYPE m gauge\nm{x=\"3\"} 1\nm{x=\"4\"} 1\n");
  const std::string text = show();
  EXPECT_THAT(text, HasSubstr("# TYPE m untyped\nm{x=\"1\"} 1\nm{x=\"2\"} 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nold ")));
  EXPECT_THAT(text, HasSubstr("left_out_samples{file=\"a.prom\",reason=\"duplicate\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("left_out_samples{file=\"a.prom\",reason=\"timestamp\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("left_out_samples{file=\"b.prom\",reason=\"duplicate\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("left_out_samples{file=\"c.prom\",reason=\"type\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("node_textfile_scrape_error 1\n"));
  show();
  EXPECT_EQ(logger_.lines().size(), 3u);
  EXPECT_TRUE(logger_.contains("m{x=\\\"1\\\"}")) << logger_.lines()[0];
}

TEST_F(TextfileTest, StaleFilesAreFlaggedAndMayBeDropped) {
  dir_.write("old.prom", "old 1\n");
  dir_.write("new.prom", "new 1\n");
  const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, dir_.file("old.prom").c_str(), times, 0), 0);
  config_.textfile.stale_after_ms = 3'600'000;
  const std::string text = show();
  EXPECT_THAT(text, HasSubstr("tidemark_textfile_stale{file=\"old.prom\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tidemark_textfile_stale{file=\"new.prom\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\nold 1\n"));
  config_.textfile.drop_stale = true;
  collector_ = nullptr;
  EXPECT_THAT(show(), AllOf(Not(HasSubstr("\nold 1\n")), HasSubstr("\nnew 1\n"),
                            HasSubstr("node_textfile_mtime_seconds{file=\"old.prom\"} 1700000000\n")));
}

TEST_F(TextfileTest, DirectoriesMayBeGlobsAndMissing) {
  dir_.write("one/a.prom", "a 1\n");
  dir_.write("two/b.prom", "b 1\n");
  config_.textfile.directories = {dir_.path() + "/*"};
  EXPECT_THAT(show(), AllOf(HasSubstr("\na 1\n"), HasSubstr("\nb 1\n"), HasSubstr("scrape_error 0\n")));
  config_.textfile.directories = {dir_.file("none")};
  collector_ = nullptr;
  EXPECT_THAT(show(), HasSubstr("scrape_error 1\n"));
  config_.textfile.directories = {};
  collector_ = nullptr;
  EXPECT_THAT(show(), HasSubstr("scrape_error 0\n"));
}

TEST_F(TextfileTest, APipeInTheDirectoryHoldsNobody) {
  ASSERT_EQ(::mkfifo(dir_.file("pipe.prom").c_str(), 0600), 0);
  ASSERT_EQ(::symlink(dir_.file("nowhere").c_str(), dir_.file("gone.prom").c_str()), 0);
  EXPECT_THAT(show(), HasSubstr("tidemark_textfile_file_error{file=\"pipe.prom\"} 1\n"));
}

TEST_F(TextfileTest, FilesComeAndGo) {
  dir_.write("a.prom", "a 1\n");
  EXPECT_THAT(show(), HasSubstr("\na 1\n"));
  dir_.write("a.prom", "a 22\n");
  EXPECT_THAT(show(), HasSubstr("\na 22\n"));
  ASSERT_EQ(::unlink(dir_.file("a.prom").c_str()), 0);
  EXPECT_EQ(show(), "# TYPE node_textfile_scrape_error gauge\nnode_textfile_scrape_error 0\n");
}

TEST_F(TextfileTest, WhatThePageSaidAlreadyStays) {
  dir_.write("a.prom", "# TYPE node_load1 gauge\nnode_load1 99\nnode_load5 1\n");
  const auto load = make_collector("loadavg", config_);
  collector_ = make_collector("textfile", config_);
  ScrapeContext context;
  context.begin(soon_ns());
  Families out;
  ASSERT_TRUE(load->collect(context, out).ok());
  ASSERT_TRUE(collector_->collect(context, out).ok());
  out.seal();
  std::string page;
  write_text(page, out);
  EXPECT_THAT(page, HasSubstr("\nnode_load1 0.21\n"));
  EXPECT_THAT(page, Not(HasSubstr("node_load1 99")));
  EXPECT_THAT(page, HasSubstr("reason=\"duplicate\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("reason=\"type\"} 1\n"));
}

std::string error_of(std::string_view text, const ExternalLimits& limits = {}) {
  const auto read = read_external_text(text, limits);
  return read ? "none" : read.error().message();
}

TEST(ExternalText, RefusesWhatWouldSpoilThePage) {
  EXPECT_EQ(error_of("a 1\n"), "none");
  EXPECT_EQ(error_of("a 1\n# TYPE a gauge\n"), "line 2: the TYPE of a stands after its samples");
  EXPECT_EQ(error_of("# TYPE a gauge\n# TYPE a counter\n"), "line 2: a second TYPE of a");
  EXPECT_EQ(error_of("# TYPE h histogram\nh 1\n"), "line 2: h is no part of a histogram");
  EXPECT_EQ(error_of("# TYPE h histogram\nh_bucket 1\n"), "line 2: h_bucket has no label \"le\"");
  EXPECT_EQ(error_of("{\"a\",\"x.y\"=\"1\",x_y=\"2\"} 1\n"), "line 1: a has two labels that read \"x_y\"");
  EXPECT_EQ(error_of("a 1\nb 1\n", {.samples_max = 1}), "more than 1 samples");
  EXPECT_EQ(error_of("a 1\nb 1\n", {.families_max = 1}), "more than 1 families");
}

TEST(ExternalText, NamesBecomeClassic) {
  const auto read = read_external_text("{\"my.größe\",\"a-b\"=\"ä\"} 1\n");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->families->size(), 1u);
  const Family& family = (*read->families)[0];
  EXPECT_EQ(series_text(family.name(), *family.begin()), "my_gr__e{a_b=\"ä\"}");
}

}  // namespace
}  // namespace tidemark::exporter::testing
