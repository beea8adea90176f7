// IPsec's counters of what went wrong: /proc/net/xfrm_stat, "XfrmInNoStates 4"
// (Documentation/networking/xfrm_proc.rst).
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Counter {
  std::string_view key;
  std::string_view name;  // Between "node_xfrm_" and "_packets_total".
  std::string_view help;
};

constexpr Counter kCounters[] = {
    {"XfrmAcquireError", "acquire_error", "States that were not complete when used."},
    {"XfrmFwdHdrError", "fwd_hdr_error", "Forwarded packets with a header not understood."},
    {"XfrmInBufferError", "in_buffer_error", "Packets in without a buffer for them."},
    {"XfrmInError", "in_error", "Packets in with another error."},
    {"XfrmInHdrError", "in_hdr_error", "Packets in with a header not understood."},
    {"XfrmInNoPols", "in_no_pols", "Packets in without a policy."},
    {"XfrmInNoStates", "in_no_states", "Packets in without a state."},
    {"XfrmInPolBlock", "in_pol_block", "Packets in that a policy blocks."},
    {"XfrmInPolError", "in_pol_error", "Packets in with an error of policy."},
    {"XfrmInStateExpired", "in_state_expired", "Packets in whose state has expired."},
    {"XfrmInStateInvalid", "in_state_invalid", "Packets in whose state is not valid."},
    {"XfrmInStateMismatch", "in_state_mismatch", "Packets in whose state has another option."},
    {"XfrmInStateModeError", "in_state_mode_error", "Packets in with an error of the mode."},
    {"XfrmInStateProtoError", "in_state_proto_error", "Packets in with an error of the protocol, as a wrong key."},
    {"XfrmInStateSeqError", "in_state_seq_error", "Packets in with a sequence number out of the window."},
    {"XfrmInTmplMismatch", "in_tmpl_mismatch", "Packets in without a matching template."},
    {"XfrmOutBundleCheckError", "out_bundle_check_error", "Packets out whose bundle failed a check."},
    {"XfrmOutBundleGenError", "out_bundle_gen_error", "Packets out for which no bundle could be made."},
    {"XfrmOutError", "out_error", "Packets out with another error."},
    {"XfrmOutNoStates", "out_no_states", "Packets out without a state."},
    {"XfrmOutPolBlock", "out_pol_block", "Packets out that a policy blocks."},
    {"XfrmOutPolDead", "out_pol_dead", "Packets out whose policy is dead."},
    {"XfrmOutPolError", "out_pol_error", "Packets out with an error of policy."},
    {"XfrmOutStateExpired", "out_state_expired", "Packets out whose state has expired."},
    {"XfrmOutStateInvalid", "out_state_invalid", "Packets out whose state is not valid."},
    {"XfrmOutStateModeError", "out_state_mode_error", "Packets out with an error of the mode."},
    {"XfrmOutStateProtoError", "out_state_proto_error", "Packets out with an error of the protocol."},
    {"XfrmOutStateSeqError", "out_state_seq_error", "Packets out with a sequence number that overflows."},
};

class Xfrm final : public Collector {
 public:
  explicit Xfrm(const CollectorConfig& config) : path_(config.procfs + "/net/xfrm_stat") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view key = next_word(line);
      const auto value = to_u64(next_word(line));
      if (!value) return Status::invalid(fmt::format("{}:{}: not \"NAME NUMBER\"", path_, number));
      for (const Counter& counter : kCounters) {
        if (counter.key != key) continue;
        add_sample(add_counter(out, fmt::format("node_xfrm_{}_packets_total", counter.name), counter.help),
                   static_cast<double>(*value));
      }
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_xfrm(const CollectorConfig& config) { return std::make_unique<Xfrm>(config); }

}  // namespace tidemark::exporter
