#include "model/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/memory_logger.h"

namespace tidemark {
namespace {

std::string write_one(LogFormat format, LogLevel level) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  Logger logger(fds[1], level, format);
  logger.debug("hidden");
  logger.info("Server is ready", {{"address", "127.0.0.1:1"}, {"reason", "two words"}, {"count", 3}});
  close(fds[1]);
  std::string out(4096, '\0');
  out.resize(static_cast<size_t>(std::max<ssize_t>(0, read(fds[0], out.data(), out.size()))));
  close(fds[0]);
  return out;
}

TEST(Logger, Logfmt) {
  const std::string line = write_one(LogFormat::kLogfmt, LogLevel::kInfo);
  EXPECT_EQ(line.substr(0, 5), "time=");
  EXPECT_EQ(line.substr(line.find(" level")),
            " level=INFO msg=\"Server is ready\" address=127.0.0.1:1 reason=\"two words\" count=3\n");
}

TEST(Logger, Json) {
  const std::string line = write_one(LogFormat::kJson, LogLevel::kInfo);
  EXPECT_EQ(line.substr(line.find(",\"level")),
            ",\"level\":\"INFO\",\"msg\":\"Server is ready\",\"address\":\"127.0.0.1:1\",\"reason\":\"two "
            "words\",\"count\":\"3\"}\n");
}

TEST(Logger, LevelsHide) { EXPECT_EQ(write_one(LogFormat::kLogfmt, LogLevel::kWarn), ""); }

TEST(Logger, HostileTextStaysOnItsLine) {
  testing::MemoryLogger logger;
  logger.warn("bad", {{"input", "a\nlevel=INFO \"\x01\xff"}});
  ASSERT_EQ(logger.lines().size(), 1u);
  EXPECT_NE(logger.lines()[0].find(R"(input="a\nlevel=INFO \"\u0001)"), std::string::npos) << logger.lines()[0];
}

TEST(Logger, NamesAreParsed) {
  EXPECT_EQ(*parse_log_level("warn"), LogLevel::kWarn);
  EXPECT_FALSE(parse_log_level("loud"));
  EXPECT_EQ(*parse_log_format("json"), LogFormat::kJson);
  EXPECT_FALSE(parse_log_format("xml"));
}

}  // namespace
}  // namespace tidemark
