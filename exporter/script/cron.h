// Cron: when a crontab line is due (crontab(5)): minute, hour, day of the month, month, day of the week, in local time.
//
//   "*/5 * * * *"        every five minutes
//   "30 2 1,15 * *"      at 02:30 on the 1st and the 15th
//   "0 9-17 * * mon-fri" each working hour
//   "@hourly", "@daily", "@weekly", "@monthly", "@yearly"
//
// When both days are restricted, either makes a day fit, as in crontab. 7 is Sunday too. A local time that a change of
// clocks skips does not happen; one that happens twice counts once.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "model/status.h"

namespace tidemark::exporter {

class Cron {
 public:
  static Result<Cron> parse(std::string_view text);

  // The first minute after `after_s` (seconds since the epoch) that fits; nothing within eight years (30 February).
  std::optional<int64_t> next(int64_t after_s) const;

 private:
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;
  bool any_day_ = true;  // "*" in the field.
  bool any_weekday_ = true;
};

}  // namespace tidemark::exporter
