// What the scripts of --collector.script.config printed last, and how they did (script/script_runner.h).
#include "exporter/collectors/collectors.h"
#include "exporter/external_text.h"
#include "exporter/script/script_runner.h"

namespace tidemark::exporter {
namespace {

class ScriptCollector final : public Collector {
 public:
  explicit ScriptCollector(const CollectorConfig& config) : scripts_(config.scripts) {}

  Status collect(ScrapeContext& /*context*/, Families& out) override {
    if (scripts_ == nullptr) return {};
    auto& success = add_gauge(out, "tidemark_script_success", "Whether the last run of a script succeeded.");
    auto& running = add_gauge(out, "tidemark_script_running", "Whether a script runs at the moment.");
    auto& exit_code = add_gauge(out, "tidemark_script_last_exit_code",
                                "Exit code of the last run; 128 and the signal's number when it was killed.");
    auto& duration = add_gauge(out, "tidemark_script_last_duration_seconds", "How long the last run took.");
    auto& last = add_gauge(out, "tidemark_script_last_run_timestamp_seconds", "When the last run began.");
    auto& next = add_gauge(out, "tidemark_script_next_run_timestamp_seconds", "When the next run is due.");
    auto& runs = add_counter(out, "tidemark_script_runs_total", "Runs that ended.");
    auto& failures = add_counter(out, "tidemark_script_failures_total", "Runs that failed, by reason.");
    auto& missed = add_counter(out, "tidemark_script_missed_total", "Times that came while the script still ran.");
    auto& left_out = add_gauge(out, "tidemark_script_left_out_samples", "Samples left out of the output, by reason.");
    ExternalMerge merge(out);
    for (const ScriptState& state : scripts_->states()) {
      const LabelSet labels = out.add_labels({{"script", state.name}});
      add_sample(running, state.running ? 1 : 0, labels);
      add_sample(runs, static_cast<double>(state.runs), labels);
      add_sample(missed, static_cast<double>(state.missed), labels);
      for (size_t i = 0; i < state.failures.size(); ++i)
        add_sample(failures, static_cast<double>(state.failures[i]),
                   {{"reason", kScriptFailureNames[i]}, {"script", state.name}});
      if (state.next_ms > 0) add_sample(next, static_cast<double>(state.next_ms) / 1e3, labels);
      if (state.runs == 0) continue;
      add_sample(success, state.success ? 1 : 0, labels);
      add_sample(exit_code, state.exit_code, labels);
      add_sample(duration, static_cast<double>(state.duration_ms) / 1e3, labels);
      add_sample(last, static_cast<double>(state.started_ms) / 1e3, labels);
      if (state.text == nullptr) continue;
      const ExternalMerge::LeftOut left = merge.add(*state.text->families);
      const auto add = [&](std::string_view reason, size_t count) {
        if (count > 0) add_sample(left_out, static_cast<double>(count), {{"reason", reason}, {"script", state.name}});
      };
      add("duplicate", state.text->duplicates + left.duplicates);
      add("timestamp", state.text->timestamps);
      add("type", left.type_conflicts);
    }
    return {};
  }

 private:
  const std::shared_ptr<ScriptRunner> scripts_;
};

}  // namespace

CollectorResult make_script(const CollectorConfig& config) { return std::make_unique<ScriptCollector>(config); }

void declare_script_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("script.directory", &config.script.directory, "Directory of the programs that may be run, and no others.");
  flags.add("script.config", &config.script.config_file, "YAML file that says which of them run, and when.");
  flags.add("script.concurrency", &config.script.running_max, "Scripts that run at once; further ones wait.");
}

}  // namespace tidemark::exporter
