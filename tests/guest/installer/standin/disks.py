"""Reads the machine's disks and network cards from /sys."""

import os
import subprocess

from .partition import Disk

SYS = "/sys/block"
_NOT_DISKS = ("loop", "ram", "sr", "fd", "dm-", "zram", "md")


def read(path, default=""):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return default


def label_of(device):
    """`msdos`, `gpt`, or None for a disk without a partition table."""
    with open(device, "rb") as f:
        sectors = f.read(1024)
    if sectors[512:520] == b"EFI PART":
        return "gpt"
    if sectors[510:512] != b"\x55\xaa":
        return None
    # A file system's boot sector has the same mark; a table has at least one entry with a known boot flag.
    entries = [sectors[446 + 16 * i:462 + 16 * i] for i in range(4)]
    if all(e[0] in (0, 0x80) for e in entries) and any(e[4] for e in entries):
        return "msdos"
    return None


def filesystem(device, tag="TYPE"):
    """What blkid says of a device: its TYPE, UUID …, or an empty string."""
    done = subprocess.run(["blkid", "-p", "-o", "value", "-s", tag, device], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def all_disks():
    """Every disk, with its partitions."""
    found = []
    for name in sorted(os.listdir(SYS)):
        if name.startswith(_NOT_DISKS):
            continue
        base = os.path.join(SYS, name)
        size = int(read(base + "/size", "0")) // 2048
        if size == 0 or read(base + "/ro") == "1":
            continue
        partitions = []
        for child in sorted(os.listdir(base)):
            if os.path.exists(os.path.join(base, child, "partition")):
                device = "/dev/" + child
                partitions.append(Partition(child, int(read("%s/%s/size" % (base, child))) // 2048, filesystem(device)))
        serial = read(base + "/serial")
        aliases = ("disk/by-id/virtio-" + serial[:20],) if serial else ()
        found.append(Disk(name, size, label_of("/dev/" + name), tuple(partitions), aliases))
    return found


class Partition:
    """A partition that was on the disk before: name, size in MiB, file system."""

    def __init__(self, name, size, fstype):
        self.name, self.size, self.fstype = name, size, fstype


def cards():
    """`(name, mac)` of each network card, those that are up first."""
    found = []
    for name in sorted(os.listdir("/sys/class/net")):
        base = "/sys/class/net/" + name
        if name != "lo" and os.path.exists(base + "/device"):
            up = int(read(base + "/flags", "0"), 16) & 1
            found.append((not up, name, read(base + "/address")))
    return [(name, mac) for _, name, mac in sorted(found)]


def memory():
    """The machine's memory in MiB."""
    return int(read("/proc/meminfo").split()[1]) // 1024


__all__ = ["Partition", "all_disks", "cards", "filesystem", "label_of", "memory", "read"]
