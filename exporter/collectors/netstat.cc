// The network stack's own counters: /proc/net/netstat and /proc/net/snmp, pairs of lines "Tcp: ActiveOpens ..." and
// "Tcp: 12 ...", and /proc/net/snmp6, lines of "Ip6InOctets 12". A field is chosen and named as GROUP_FIELD.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/field_names.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Netstat final : public Collector {
 public:
  Netstat(const CollectorConfig& config, NameFilter fields)
      : pairs_{config.procfs + "/net/netstat", config.procfs + "/net/snmp"},
        snmp6_(config.procfs + "/net/snmp6"),
        filter_(std::move(fields)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    names_.begin();
    Status status = read(context, out);
    if (names_.learned()) filter_.release_cache();
    return status;
  }

 private:
  Status read(ScrapeContext& context, Families& out) {
    for (const std::string& path : pairs_) {
      const auto text = context.read_kept(path, FileKind::kOnePiece);
      if (!text) return text.error();
      Status status = read_pairs(path, *text, out);
      if (!status.ok()) return status;
    }
    const auto text = context.read_kept(snmp6_, FileKind::kOnePiece);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();  // IPv6 may be off.
    return read_snmp6(*text, out);
  }

  Status read_pairs(const std::string& path, std::string_view rest, Families& out) {
    for (int number = 1; !rest.empty(); number += 2) {
      std::string_view names = next_line(rest);
      std::string_view values = rest.empty() ? std::string_view() : next_line(rest);
      std::string_view group = next_word(names);
      if (group.empty()) continue;
      if (!group.ends_with(':') || next_word(values) != group)
        return Status::invalid(fmt::format("{}:{}: no line of names and line of values of one group", path, number));
      group.remove_suffix(1);
      for (auto field = next_word(names); !field.empty(); field = next_word(names)) {
        Status status = add(group, field, next_word(values), out);
        if (!status.ok()) return status.at(fmt::format("{}:{}", path, number + 1));
      }
      if (!next_word(values).empty())
        return Status::invalid(fmt::format("{}:{}: more values than names", path, number + 1));
    }
    return {};
  }

  Status read_snmp6(std::string_view rest, Families& out) {
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view name = next_word(line);
      // "Icmp6InMsgs" is field InMsgs of group Icmp6.
      const size_t six = name.find('6');
      if (six == name.npos) continue;
      Status status = add(name.substr(0, six + 1), name.substr(six + 1), next_word(line), out);
      if (!status.ok()) return status.at(fmt::format("{}:{}", snmp6_, number));
    }
    return {};
  }

  Status add(std::string_view group, std::string_view field, std::string_view value, Families& out) {
    const FieldName& name = names_.next(group, field, [this](FieldName& n) {
      const std::string key = n.group + "_" + n.field;
      n.shown = filter_.shows(key);
      if (!n.shown) return;
      n.metric = "node_netstat_" + key;
      n.help = fmt::format("{} of the group {} of the kernel's network counters.", n.field, n.group);
    });
    if (!name.shown) return {};
    const auto number = to_double(value);
    if (!number) return Status::invalid(fmt::format("{} of {} is \"{}\"", field, group, value));
    add_sample(add_untyped(out, name.metric, name.help), *number);
    return {};
  }

  const std::string pairs_[2];
  const std::string snmp6_;
  NameFilter filter_;
  FieldNames names_;
};

}  // namespace

void declare_netstat_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("netstat.fields", &config.netstat.fields, "Regular expression of the fields to show, as GROUP_FIELD.");
}

CollectorResult make_netstat(const CollectorConfig& config) {
  auto fields = NameFilter::compile({config.netstat.fields, ""});
  if (!fields) return fail(fields.error());
  return std::make_unique<Netstat>(config, std::move(*fields));
}

}  // namespace tidemark::exporter
