// NVMe controllers and their namespaces: /sys/class/nvme/<controller>, with a directory nvme<N>n<NSID> or
// nvme<N>c<C>n<NSID> (multipath) for each namespace. "size" and "nuse" count logical blocks as the drive formats them.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

// The number behind the last "n" of "nvme0n1" or "nvme0c1n1"; "" when `name` is no namespace's.
std::string_view namespace_id(std::string_view name) {
  constexpr std::string_view kPrefix = "nvme";
  const size_t n = name.rfind('n');
  if (!name.starts_with(kPrefix) || n == name.npos || n <= kPrefix.size()) return {};
  const std::string_view id = name.substr(n + 1);
  return id.empty() || id.find_first_not_of("0123456789") != id.npos ? std::string_view() : id;
}

class Nvme final : public Collector {
 public:
  explicit Nvme(const CollectorConfig& config) : path_(config.sysfs + "/class/nvme") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_nvme_info", "What the NVMe controller is; always 1.");
    NamespaceFamilies families(out);
    const Directory nvme(context.absences(), path_);
    for (const std::string& name : nvme.names()) {
      const Directory device(nvme, name);
      if (!device.exists()) continue;
      const auto text = [&](const char* file) { return valid_utf8(device.text(file).value_or("")); };
      add_sample(info, 1,
                 {{"cntlid", text("cntlid")},
                  {"device", name},
                  {"firmware_revision", text("firmware_rev")},
                  {"model", text("model")},
                  {"serial", text("serial")},
                  {"state", text("state")}});
      for (const std::string& entry : device.names()) {
        const std::string_view id = namespace_id(entry);
        if (!id.empty()) families.add(Directory(device, entry), name, id, out);
      }
    }
    return {};
  }

 private:
  struct NamespaceFamilies {
    explicit NamespaceFamilies(Families& out)
        : info(add_gauge(out, "node_nvme_namespace_info", "Access state (ANA) of the namespace; always 1.")),
          capacity(add_gauge(out, "node_nvme_namespace_capacity_bytes", "Bytes the namespace can hold.")),
          size(add_gauge(out, "node_nvme_namespace_size_bytes", "Bytes of the namespace.")),
          used(add_gauge(out, "node_nvme_namespace_used_bytes", "Bytes of the namespace that are allocated.")),
          block(add_gauge(out, "node_nvme_namespace_logical_block_size_bytes", "Bytes of a logical block.")) {}

    void add(const Directory& directory, std::string_view device, std::string_view id, Families& out) {
      const std::string ana_state = directory.text("ana_state").value_or("unknown");
      add_sample(info, 1, {{"ana_state", ana_state}, {"device", device}, {"nsid", id}});
      const auto block_bytes = directory.number("queue/logical_block_size");
      if (!block_bytes) return;
      const LabelSet labels = out.add_labels({{"device", device}, {"nsid", id}});
      if (const auto blocks = directory.number("size")) {
        add_sample(capacity, *blocks * *block_bytes, labels);
        add_sample(size, *blocks * *block_bytes, labels);
      }
      if (const auto blocks = directory.number("nuse")) add_sample(used, *blocks * *block_bytes, labels);
      add_sample(block, *block_bytes, labels);
    }

    Family& info;
    Family& capacity;
    Family& size;
    Family& used;
    Family& block;
  };

  const std::string path_;
};

}  // namespace

CollectorResult make_nvme(const CollectorConfig& config) { return std::make_unique<Nvme>(config); }

}  // namespace tidemark::exporter
