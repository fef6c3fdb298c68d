"""Reads a kickstart that is given in a few lines, on a machine that is given as data."""

import textwrap

from standin import kickstart, partition
from standin.partition import Disk

GOOD = """\
#version=RHEL9
cmdline
url --url=http://repo.example/tree
timezone UTC
timesource --ntp-disable
rootpw --lock
zerombr
clearpart --all --initlabel --drives=vda
part /boot --fstype=ext4 --size=200 --ondisk=vda
part swap --size=64 --ondisk=vda
part / --fstype=xfs --size=600 --grow --ondisk=vda
bootloader --append="console=ttyS0"
network --bootproto=dhcp --device=link --hostname=web1.example.test
reboot
%packages
@core
%end
"""

BLANK = Disk("vda", 4096, aliases=("disk/by-id/virtio-system",))


def with_lines(replaced, *lines):
    """`GOOD` with the first line that starts with `replaced` taken out and others in its place."""
    out, done = [], False
    for line in GOOD.splitlines():
        if not done and replaced and line.startswith(replaced):
            out += lines
            done = True
        else:
            out.append(line)
    assert done or not replaced, replaced
    return "\n".join(out) + "\n"


def storage(text):
    """A kickstart whose storage commands are these."""
    rest = [l for l in GOOD.splitlines() if not l.startswith(("zerombr", "clearpart", "part "))]
    return "\n".join([rest[0], *textwrap.dedent(text).strip().splitlines(), *rest[1:]]) + "\n"


def read(text, disks=(BLANK,), tree="9.4"):
    return kickstart.read(text, kickstart.release_of(text, tree), partition.names_of(disks))


def plan(text, disks=(BLANK,), memory=1024, uefi=False):
    return partition.plan_storage(read(text, disks).data, disks, memory, "Rekindle Guest Linux", uefi)
