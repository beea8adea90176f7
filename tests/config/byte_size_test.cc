#include "config/byte_size.h"

#include <gtest/gtest.h>

namespace tidemark::config {
namespace {

TEST(ByteSize, Reads) {
  const struct {
    const char* text;
    uint64_t bytes;
  } cases[] = {
      {"0", 0},        {"1B", 1},           {"10KB", 10 << 10},          {"10MB", 10 << 20}, {"10MiB", 10 << 20},
      {"5M", 5 << 20}, {"2GB", 2ull << 30}, {"1GB512MB", 1536ull << 20}, {"7EB", 7ull << 60}};
  for (const auto& test : cases) {
    const auto bytes = parse_byte_size(test.text);
    ASSERT_TRUE(bytes) << test.text;
    EXPECT_EQ(*bytes, test.bytes) << test.text;
  }
}

TEST(ByteSize, Refuses) {
  for (const char* text : {"", "10", "MB", "-1MB", "1.5MB", "10 MB", "10mb", "8EB", "99999999999999999999B", "1XB"}) {
    EXPECT_FALSE(parse_byte_size(text)) << text;
  }
}

}  // namespace
}  // namespace tidemark::config
