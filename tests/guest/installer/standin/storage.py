"""Carries out a `StoragePlan`: writes labels, makes file systems, mounts them under /mnt/sysimage."""

import os
import subprocess
import time

from . import disks
from .errors import InstallFailed

SYSROOT = "/mnt/sysimage"
BIND = ("dev", "dev/pts", "proc", "sys", "run")


def run(log, *command, stdin=None):
    """Runs a program, logged as Anaconda logs programs; fails the installation if it fails."""
    log.info("program", "Running... " + " ".join(command))
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        log.info("program", line)
    log.debug("program", "Return code: %d" % done.returncode)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise InstallFailed("%s failed with code %d: %s" % (command[0], done.returncode, last))
    return done.stdout


def wait_for(path, seconds=20):
    deadline = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise InstallFailed("%s did not appear" % path)
        time.sleep(0.05)


def write_disks(log, plan):
    """Labels, volume groups, file systems; after this there is no way back."""
    for table in plan.tables:
        device = "/dev/" + table.disk
        log.progress("Creating disklabel on %s" % device)
        run(log, "wipefs", "-q", "-a", device)
        run(log, "sfdisk", "-q", "--wipe", "always", "--wipe-partitions", "always", device, stdin=table.script)
    for group in plan.groups:
        for member in group.members:
            wait_for(member)
            log.progress("Creating lvmpv on %s" % member)
            run(log, "lvm", "pvcreate", "-y", "-ff", member)
        run(log, "lvm", "vgcreate", "-s", "%dm" % group.extent, group.name, *group.members)
        for name, size in group.volumes:
            run(log, "lvm", "lvcreate", "-y", "-Wn", "-Zn", "-L", "%dm" % size, "-n", name, group.name)
        run(log, "lvm", "vgmknodes", group.name)
    for volume in plan.volumes:
        if volume.format:
            _make(log, volume)


def _make(log, volume):
    wait_for(volume.device)
    log.progress("Creating %s on %s" % (volume.fstype, volume.device))
    label = ["-L", volume.label] if volume.label else []
    extra = volume.mkfs_options.split()
    if volume.fstype == "swap":
        run(log, "mkswap", *label, volume.device)
    elif volume.fstype == "xfs":
        run(log, "mkfs.xfs", "-q", "-f", *label, *extra, volume.device)
    elif volume.fstype == "efi":
        run(log, "busybox", "mkdosfs", "-F", "32", *(["-n", volume.label] if volume.label else []), volume.device)
    else:
        # Lazy initialisation leaves most of the writing to the kernel, later.
        run(log, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", *label, *extra, volume.device)


def mount_all(log, plan):
    for volume in plan.mounts():
        target = SYSROOT + volume.mountpoint
        os.makedirs(target, exist_ok=True)
        fstype = "vfat" if volume.fstype == "efi" else volume.fstype
        run(log, "mount", "-t", fstype, volume.device, target)
    for name in BIND:
        target = os.path.join(SYSROOT, name)
        os.makedirs(target, exist_ok=True)
        run(log, "mount", "--bind", "/" + name, target)
    for volume in plan.swaps():
        run(log, "swapon", volume.device)


def unmount_all(log):
    """Leaves the disks clean; failures are only logged, since a reboot follows in any case."""
    with open("/proc/mounts", encoding="utf-8") as f:
        mounts = [line.split()[1] for line in f]
    for swap in disks.read("/proc/swaps").splitlines()[1:]:
        subprocess.run(["swapoff", swap.split()[0]], check=False)
    for path in reversed([m for m in mounts if m == SYSROOT or m.startswith(SYSROOT + "/")]):
        done = subprocess.run(["umount", path], capture_output=True, text=True, check=False)
        if done.returncode:
            log.warning("program", "umount %s: %s" % (path, done.stderr.strip()))
            subprocess.run(["umount", "-l", path], check=False)
    os.sync()


def fstab(plan):
    """The text of /etc/fstab; every device by its UUID."""
    lines = ["#", "# /etc/fstab", "# Created by anaconda", "#"]
    for volume in [*plan.mounts(), *plan.swaps()]:
        if volume.fstype == "biosboot":
            continue
        uuid = disks.filesystem(volume.device, "UUID")
        source = volume.device if volume.kind == "logical" else "UUID=" + uuid
        if volume.fstype == "swap":
            lines.append("%-41s %-23s %-7s %-15s %s" % (source, "none", "swap", volume.options or "defaults", "0 0"))
            continue
        fstype = "vfat" if volume.fstype == "efi" else volume.fstype
        check = "0 0" if fstype == "xfs" else "0 2" if fstype == "vfat" else "1 1" if volume.mountpoint == "/" else "1 2"
        options = volume.options or ("umask=0077,shortname=winnt" if fstype == "vfat" else "defaults")
        lines.append("%-41s %-23s %-7s %-15s %s" % (source, volume.mountpoint, fstype, options, check))
    return "\n".join(lines) + "\n"
