// Graphics cards of the amdgpu driver: /sys/class/drm/card<N>/device (Documentation/gpu/amdgpu/driver-misc.rst).
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr Attribute kAttributes[] = {
    {"gpu_busy_percent", "node_drm_gpu_busy_percent", "How busy the processor is, in percent."},
    {"mem_info_gtt_total", "node_drm_memory_gtt_size_bytes", "Bytes of the host's memory that the card may use."},
    {"mem_info_gtt_used", "node_drm_memory_gtt_used_bytes", "Bytes of the host's memory that it uses."},
    {"mem_info_vis_vram_total", "node_drm_memory_vis_vram_size_bytes", "Bytes of its memory that the host sees."},
    {"mem_info_vis_vram_used", "node_drm_memory_vis_vram_used_bytes", "Bytes in use of what the host sees."},
    {"mem_info_vram_total", "node_drm_memory_vram_size_bytes", "Bytes of its memory."},
    {"mem_info_vram_used", "node_drm_memory_vram_used_bytes", "Bytes in use of its memory."},
};

class Drm final : public Collector {
 public:
  explicit Drm(const CollectorConfig& config) : path_(config.sysfs + "/class/drm") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_drm_card_info", "What the card is and how it is set; always 1.");
    AttributeTable table(kAttributes, out);
    const Directory cards(context.absences(), path_);
    for (const std::string& name : cards.numbered("card")) {
      const Directory device(cards, name + "/device");
      if (device.text("uevent").value_or("").find("DRIVER=amdgpu") == std::string::npos) continue;
      const auto text = [&](const char* file) { return valid_utf8(device.text(file).value_or("")); };
      add_sample(info, 1,
                 {{"card", name},
                  {"memory_vendor", text("mem_info_vram_vendor")},
                  {"power_performance_level", text("power_dpm_force_performance_level")},
                  {"unique_id", text("unique_id")},
                  {"vendor", "amd"}});
      table.add(device, out.add_labels({{"card", name}}));
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_drm(const CollectorConfig& config) { return std::make_unique<Drm>(config); }

}  // namespace tidemark::exporter
