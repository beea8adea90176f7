// The body of a webhook: Alertmanager's payload, version 4, so that receivers written for it work unchanged.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/alert.h"
#include "model/labels.h"

namespace tidemark::alerting {

struct PayloadContext {
  std::string_view receiver;
  std::string_view group_key;
  LabelsView group_labels;
  std::string_view external_url;
  size_t alerts_max = 0;  // 0: no limit by number.
  size_t bytes_max = 0;   // Of the alerts' part; alerts that do not fit are counted in truncatedAlerts.
};

// REQUIRES: `alerts` is not empty.
std::string webhook_payload(const PayloadContext& context, const std::vector<const Alert*>& alerts, int64_t now_ms);

}  // namespace tidemark::alerting
