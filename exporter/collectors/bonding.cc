// Bonded interfaces: /sys/class/net/bonding_masters lists them, <master>/bonding/slaves their members, and
// <master>/lower_<slave>/bonding_slave/mii_status ("slave_" before Linux 3.9) says whether a member's link is up
// (Documentation/networking/bonding.rst).
#include "exporter/collectors/collectors.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Bonding final : public Collector {
 public:
  explicit Bonding(const CollectorConfig& config) : path_(config.sysfs + "/class/net") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& active = add_gauge(out, "node_bonding_active", "Members of the bond whose link is up.");
    auto& slaves = add_gauge(out, "node_bonding_slaves", "Members of the bond.");
    const auto found = context.read_once(path_ + "/bonding_masters");
    if (!found) return {};  // The module is not loaded.
    const std::string masters(trimmed(*found));
    const Directory net(path_);
    std::string_view rest = masters;
    for (auto name = next_word(rest); !name.empty(); name = next_word(rest)) {
      const Directory master(net, std::string(name));
      const std::string members = master.text("bonding/slaves").value_or("");
      size_t member_count = 0;
      size_t up_count = 0;
      std::string_view left = members;
      for (auto member = next_word(left); !member.empty(); member = next_word(left)) {
        auto state = master.text("lower_" + std::string(member) + "/bonding_slave/mii_status");
        if (!state) state = master.text("slave_" + std::string(member) + "/bonding_slave/mii_status");
        if (!state) continue;  // It has left the bond since.
        ++member_count;
        if (*state == "up") ++up_count;
      }
      const LabelSet labels = out.add_labels({{"master", name}});
      add_sample(active, static_cast<double>(up_count), labels);
      add_sample(slaves, static_cast<double>(member_count), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_bonding(const CollectorConfig& config) { return std::make_unique<Bonding>(config); }

}  // namespace tidemark::exporter
