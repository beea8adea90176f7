#!/usr/bin/env python3
"""exporter_tree.py DIR CPUS: a host with so many CPUs for exporter_peer.sh.

DIR/proc holds copies of this host's files, with as many CPUs as asked for, DIR/sys what collectors read of those; its
network interfaces are this host's. Both exporters take it with --path.procfs and --path.sysfs.
"""
import os
import sys

COPIED = """
1/mountinfo cpuinfo diskstats loadavg meminfo vmstat sys/fs/file-nr sys/kernel/random/entropy_avail
sys/kernel/random/poolsize net/netstat net/snmp net/snmp6 net/sockstat net/sockstat6 net/arp net/udp net/udp6
pressure/cpu pressure/io pressure/memory
""".split()

def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def stat(cpus):
    with open("/proc/stat") as host:
        rest = [line for line in host if not line.startswith("cpu")]
    lines = [f"cpu{n} 123456 234 34567 4567890 5678 0 678 78 0 0\n" for n in range(cpus)]
    return "".join([f"cpu  {123456 * cpus} 234 34567 4567890 5678 0 678 78 0 0\n"] + lines + rest)


def main():
    root, cpus = sys.argv[1], int(sys.argv[2])
    for name in COPIED:
        try:
            with open("/proc/" + name) as host:
                write(f"{root}/proc/{name}", host.read())
        except OSError as error:
            print(f"exporter_tree.py: left out: {error}", file=sys.stderr)
    write(f"{root}/proc/stat", stat(cpus))
    write(f"{root}/proc/schedstat", "version 15\ntimestamp 1\n" +
          "".join(f"cpu{n} 0 0 0 0 0 0 123456789 23456789 345678\n" for n in range(cpus)))
    write(f"{root}/proc/net/softnet_stat", "".join(
        f"0000abcd 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
        f"{n:08x} 00000000 00000000\n" for n in range(cpus)))
    cpu = f"{root}/sys/devices/system/cpu"
    write(f"{cpu}/online", f"0-{cpus - 1}\n")
    write(f"{cpu}/isolated", "\n")
    for n in range(cpus):
        write(f"{cpu}/cpu{n}/topology/core_id", f"{n % 64}\n")
        write(f"{cpu}/cpu{n}/topology/physical_package_id", f"{n // 64}\n")
        write(f"{cpu}/cpu{n}/thermal_throttle/core_throttle_count", "0\n")
        write(f"{cpu}/cpu{n}/thermal_throttle/package_throttle_count", "0\n")
    os.makedirs(f"{root}/sys/class", exist_ok=True)
    os.symlink("/sys/class/net", f"{root}/sys/class/net")


main()
