// GET /api/v1/host: this host in one JSON document, for inventories and for people:
//
//   {"status":"success","data":{
//     "hostname":"web1","version":"0.1.0","matches":"1.11.1",
//     "os":{"name":"Debian GNU/Linux 12 (bookworm)","id":"debian","version":"12"},
//     "kernel":{"system":"Linux","release":"6.1.0-18-amd64","version":"#1 SMP ...","machine":"x86_64"},
//     "bootTime":1700000000,"uptimeSeconds":86400,
//     "cpu":{"model":"...","logical":8},
//     "memory":{"totalBytes":...,"availableBytes":...,"swapTotalBytes":...,"swapFreeBytes":...},
//     "load":[0.1,0.2,0.3],
//     "disks":[{"device":"sda","model":"...","serial":"...","sizeBytes":...,"rotational":true}],
//     "filesystems":[{"device":"/dev/sda1","mountpoint":"/","fstype":"ext4","sizeBytes":...,"availableBytes":...}],
//     "inContainer":false,"readsContainerProc":false}}
//
// It is made from what the collectors say, so the same flags hold; what belongs to a collector that is turned off, or
// what the host does not tell, is left out.
#pragma once

#include <string>

#include "exporter/collection.h"
#include "exporter/collector.h"
#include "exporter/host_view.h"

namespace tidemark::exporter {

// The collectors it is made from.
CollectorChoice host_choice(const Collection& collection);

std::string host_document(const Families& families, const CollectorConfig& config, const HostView& view);

}  // namespace tidemark::exporter
