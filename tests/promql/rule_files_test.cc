// Rule files that people run, where a folder of them is at hand: every expression parses, prints to text of the same
// tree, and evaluates.
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "aggregator/promql/engine.h"
#include "aggregator/promql/pretty_printer.h"
#include "aggregator/promql/printer.h"
#include "tests/promql/conformance_folder.h"
#include "tests/promql/tree_dump.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::promql {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

std::vector<std::string> expressions_of(const std::filesystem::path& file) {
  std::vector<std::string> out;
  YAML::Node root = YAML::LoadFile(file.string());
  if (root["spec"]) root = root["spec"];  // As Kubernetes' operators hold them.
  for (const YAML::Node& group : root["groups"]) {
    for (const YAML::Node& rule : group["rules"]) out.push_back(rule["expr"].as<std::string>());
  }
  return out;
}

// A series for a selector: what it wants of labels, where it says so.
void add_series(const VectorSelector& selector, testing::MemoryStore& store) {
  LabelsBuilder builder;
  builder.set("instance", "a");
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op() == MatchOp::kEqual) builder.set(matcher.name(), matcher.value());
    if (matcher.op() == MatchOp::kRegex && !matcher.literals().empty()) {
      builder.set(matcher.name(), matcher.literals()[0]);
    }
  }
  const Labels labels = builder.build();
  for (int64_t i = 0; i <= 60; ++i) store.add(labels, kNowMs - i * 30'000, static_cast<double>(100 - i));
}

void add_series_of(const Expr& expr, testing::MemoryStore& store) {
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString:
      return;
    case ExprKind::kVectorSelector:
      return add_series(as<VectorSelector>(expr), store);
    case ExprKind::kMatrixSelector:
      return add_series(*as<MatrixSelector>(expr).vector, store);
    case ExprKind::kSubquery:
      return add_series_of(*as<SubqueryExpr>(expr).expr, store);
    case ExprKind::kParen:
      return add_series_of(*as<ParenExpr>(expr).expr, store);
    case ExprKind::kUnary:
      return add_series_of(*as<UnaryExpr>(expr).expr, store);
    case ExprKind::kBinary:
      add_series_of(*as<BinaryExpr>(expr).lhs, store);
      return add_series_of(*as<BinaryExpr>(expr).rhs, store);
    case ExprKind::kAggregate:
      return add_series_of(*as<AggregateExpr>(expr).expr, store);
    case ExprKind::kCall:
      for (const ExprPtr& arg : as<CallExpr>(expr).args) add_series_of(*arg, store);
  }
}

TEST(RuleFiles, ParsePrintAndEvaluate) {
  const auto folder = promqltest::conformance_folder();
  if (!folder || !std::filesystem::is_directory(*folder / "rules")) GTEST_SKIP() << "no folder of rule files";
  const testing::FakeClock clock(kNowMs);
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "rules")) {
    for (const std::string& text : expressions_of(entry.path())) {
      ++count;
      const std::string where = entry.path().filename().string() + ": " + text;
      const auto tree = parse_expression(text);
      ASSERT_TRUE(tree) << where << ": " << tree.error().message();
      const std::string printed = to_string(**tree);
      const auto again = parse_expression(printed);
      ASSERT_TRUE(again) << where << " printed as " << printed << ": " << again.error().message();
      EXPECT_EQ(dump(**again), dump(**tree)) << where << " printed as " << printed;
      const auto formatted = to_pretty_string(**tree);
      ASSERT_TRUE(formatted) << where;
      const auto reread = parse_expression(*formatted);
      ASSERT_TRUE(reread) << where << " formatted as " << *formatted << ": " << reread.error().message();
      EXPECT_EQ(dump(**reread), dump(**tree)) << where << " formatted as " << *formatted;

      testing::MemoryStore store;
      add_series_of(**tree, store);
      prometheus::Registry registry;
      Engine engine(store, EngineOptions(), clock, registry);
      const auto instant = engine.instant(text, kNowMs);
      EXPECT_TRUE(instant) << where << ": " << instant.error().message();
      const auto range = engine.range(text, kNowMs - 600'000, kNowMs, 60'000);
      EXPECT_TRUE(range) << where << ": " << range.error().message();
    }
  }
  EXPECT_GT(count, 0U);
  RecordProperty("expressions", static_cast<int>(count));
}

}  // namespace
}  // namespace tidemark::promql
