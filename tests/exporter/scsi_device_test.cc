// scsi_device: which devices it shows. What it shows of them is golden/scsi_device.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/exporter/collect_support.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ScsiDevice, ShowsDevicesByNameOrAddress) {
  const tidemark::testing::TempDir sys;
  sys.write("class/scsi_device/0:0:0:0/device/ioerr_cnt", "0x1\n");
  sys.write("class/scsi_device/0:0:0:0/device/block/sda/ro", "0\n");
  sys.write("class/scsi_device/1:0:0:0/device/ioerr_cnt", "0x2\n");
  CollectorConfig config = fixture_config();
  config.sysfs = sys.path();
  constexpr std::string_view kDisk = "tidemark_scsi_device_errors_total{address=\"0:0:0:0\",device=\"sda\"} 1\n";
  constexpr std::string_view kOther = "tidemark_scsi_device_errors_total{address=\"1:0:0:0\",device=\"\"} 2\n";
  EXPECT_THAT(collected("scsi_device", config), AllOf(HasSubstr(kDisk), HasSubstr(kOther)));
  config.scsi_device.devices = {"^sd", ""};
  EXPECT_THAT(collected("scsi_device", config), AllOf(HasSubstr(kDisk), Not(HasSubstr(kOther))));
  config.scsi_device.devices = {"", "^sda$"};
  EXPECT_THAT(collected("scsi_device", config), AllOf(Not(HasSubstr(kDisk)), HasSubstr(kOther)));
  config.scsi_device.devices = {"", "^1:0:"};
  EXPECT_THAT(collected("scsi_device", config), AllOf(HasSubstr(kDisk), Not(HasSubstr(kOther))));
}

}  // namespace
}  // namespace tidemark::exporter::testing
