"""Plans the disks: from the kickstart and the disks as found, what to write where. Pure.

Sizes are in MiB throughout. The result says everything that `storage.py` has to do, in order. The words of the errors
are Anaconda's. Only whole-disk layouts are made: a disk is either relabelled (clearpart, zerombr) or its partitions are
used as they are (--onpart).
"""

from dataclasses import dataclass, field
from math import ceil

from .support import FSTYPES

# What sfdisk writes for each kind of partition: (msdos, gpt).
TYPES = {
    "linux": ("83", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"),
    "swap": ("82", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"),
    "lvmpv": ("8e", "E6D6D379-F507-44C2-A23C-238F2A3DF928"),
    "biosboot": (None, "21686148-6449-6E6F-744E-656564454649"),
    "efi": ("ef", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"),
}

# Left free at the start of a disk, and at the end for the second copy of a GPT.
ALIGN = 1


class StorageError(Exception):
    """The requested storage cannot be made: the reason, in Anaconda's words."""


@dataclass(frozen=True)
class Disk:
    """A disk as found: sizes in MiB, `label` is None for a blank one."""

    name: str
    size: int
    label: str | None = None
    partitions: tuple = ()
    #: Other spellings: /dev/…, disk/by-id/virtio-SERIAL.
    aliases: tuple = ()


@dataclass
class Volume:
    """Something with a file system: a partition, a logical volume, or an existing partition that is only mounted."""

    device: str
    kind: str
    fstype: str
    mountpoint: str
    size: int
    label: str = ""
    options: str = ""
    mkfs_options: str = ""
    format: bool = True


@dataclass
class Table:
    """A partition table to write: an input for sfdisk."""

    disk: str
    label: str
    script: str


@dataclass
class Group:
    """An LVM volume group: its physical volumes, and `(name, size)` of its logical volumes."""

    name: str
    members: list
    extent: int
    volumes: list


@dataclass
class StoragePlan:
    tables: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    volumes: list = field(default_factory=list)
    boot_disk: str = ""
    #: First sector of the BIOS boot partition, if there is one.
    biosboot_start: int | None = None

    def at(self, mountpoint):
        return next((v for v in self.volumes if v.mountpoint == mountpoint), None)

    def mounts(self):
        """The file systems to mount, parents before children."""
        return sorted(
            (v for v in self.volumes if v.mountpoint.startswith("/")), key=lambda v: (v.mountpoint != "/", v.mountpoint)
        )

    def swaps(self):
        return [v for v in self.volumes if v.fstype == "swap"]


def resolve(disks, spec):
    """The disk that a kickstart means by `spec`, or None."""
    wanted = spec.removeprefix("/dev/")
    return next((d for d in disks if d.name == wanted or wanted in d.aliases), None)


def names_of(disks):
    """Every spelling by which a kickstart may name one of these disks."""
    return {name for disk in disks for name in (disk.name, "/dev/" + disk.name, *disk.aliases, *("/dev/" + a for a in disk.aliases))}


def usable_disks(disks, data):
    """The disks that ignoredisk leaves to the installer."""
    only = data.ignoredisk.onlyuse
    if only:
        return [d for d in disks if any(resolve([d], spec) for spec in only)]
    return [d for d in disks if not any(resolve([d], spec) for spec in data.ignoredisk.ignoredisk)]


def recommended_swap(memory):
    """The size of a swap with --recommended, for that much memory."""
    if memory < 2048:
        return 2 * memory
    if memory < 8192:
        return memory
    return max(4096, memory // 2) if memory < 65536 else 4096


def plan_storage(data, disks, memory, product, uefi=False):
    """The plan. Raises `StorageError`.

    `data` is pykickstart's, `disks` all disks of the machine, `memory` its MiB, `product` the name in messages.
    """
    usable = usable_disks(disks, data)
    relabel = {d.name for d in usable if _is_relabelled(d, data)}
    requests = list(data.partition.partitions)
    plan = StoragePlan()

    seen = {}
    for part in requests:
        if part.mountpoint.startswith("pv."):
            if part.mountpoint in seen:
                raise StorageError('PV partition "%s" is defined multiple times.' % part.mountpoint)
            seen[part.mountpoint] = part
        _check_fstype(part)

    placed = {}
    for part in requests:
        if part.onPart:
            plan.volumes.append(_existing(part, usable))
            continue
        disk = _disk_of(part, usable, relabel)
        placed.setdefault(disk.name, []).append(part)

    physical = {}
    for disk in usable:
        if disk.name in placed or disk.name in relabel:
            # What Anaconda makes where the kickstart does not say: GPT for UEFI, else msdos.
            label = getattr(data.clearpart, "disklabel", "") or ("gpt" if uefi else "msdos")
            _lay_out(plan, disk, placed.get(disk.name, []), data, memory, physical, label)

    _plan_lvm(plan, data, physical, memory)

    if plan.at("/") is None:
        raise StorageError(
            "You have not defined a root partition (/), which is required for installation of %s to continue." % product
        )
    boot = plan.at("/boot") or plan.at("/")
    if boot.kind == "logical":
        raise StorageError("%s file system cannot be of type lvmlv" % boot.mountpoint)
    _choose_boot_disk(plan, data, usable, boot, uefi)
    return plan


def _is_relabelled(disk, data):
    """Whether the disk gets a fresh label: the clearing that the kickstart asks for reaches all of it."""
    clear = data.clearpart
    drives = clear.drives
    if drives and not any(resolve([disk], spec) for spec in drives):
        return False
    if disk.label is None:
        return bool(data.zerombr.zerombr) or bool(clear.initAll)
    # 0 none, 1 linux, 2 all, 3 list (pykickstart's CLEARPART_TYPE_*, shifted by its None).
    from pykickstart import constants

    return clear.type in (constants.CLEARPART_TYPE_ALL, constants.CLEARPART_TYPE_LINUX)


def _check_fstype(part):
    fstype = part.fstype
    if fstype and fstype not in FSTYPES:
        known = ("ext2", "ext3", "btrfs", "vfat", "lvmpv", "mdmember", "prepboot", "macefi", "tmpfs", "ntfs")
        if fstype in known:
            raise StorageError('file system type "%s" is not supported by this installer (a stand-in for Anaconda)' % fstype)
        raise StorageError("line %s: The \"%s\" file system type is not supported." % (part.lineno, fstype))


def _disk_of(part, usable, relabel):
    if part.disk:
        disk = resolve(usable, part.disk)
        if disk is None:
            raise StorageError('line %s: Disk "%s" given in part command does not exist.' % (part.lineno, part.disk))
    else:
        disk = next((d for d in usable if d.name in relabel), usable[0] if usable else None)
        if disk is None:
            raise StorageError("No usable disks selected.")
    if disk.name not in relabel:
        if disk.label is None:
            raise StorageError('line %s: Disk "%s" in part command is not partitioned.' % (part.lineno, part.disk or disk.name))
        raise StorageError("Unable to allocate requested partition scheme.")
    return disk


def _existing(part, usable):
    name = part.onPart.removeprefix("/dev/")
    for disk in usable:
        for partition in disk.partitions:
            if name == partition.name:
                return Volume(
                    device="/dev/" + name, kind="existing", fstype=part.fstype or partition.fstype, size=partition.size,
                    mountpoint="" if part.mountpoint == "swap" else part.mountpoint, label=part.label or "",
                    options=part.fsopts or "", mkfs_options=part.mkfsopts or "", format=bool(part.format),
                )
    raise StorageError('line %s: Partition "%s" given in part command does not exist.' % (part.lineno, part.onPart))


def _kind(part):
    if part.mountpoint.startswith("pv."):
        return "lvmpv"
    if part.mountpoint == "swap" or part.fstype == "swap":
        return "swap"
    if part.mountpoint == "biosboot" or part.fstype == "biosboot":
        return "biosboot"
    if part.mountpoint == "/boot/efi" or part.fstype == "efi":
        return "efi"
    return "linux"


def _fstype(part, kind):
    if kind in ("swap", "efi", "biosboot", "lvmpv"):
        return kind
    # RHEL's default is xfs.
    return part.fstype or "xfs"


# Like blivet: what the firmware needs first, then /boot, then the rest in the order of the kickstart, growing ones last.
def _order(part):
    kind = _kind(part)
    rank = {"biosboot": 0, "efi": 0}.get(kind, 1 if part.mountpoint == "/boot" else 2)
    return (rank, bool(part.grow))


def _base_size(part, memory):
    if part.recommended and _kind(part) == "swap":
        return recommended_swap(memory)
    return part.size or 0


def grow(bases, free):
    """Sizes after `free` is shared among requests in proportion to their base, none above its maximum.

    `bases` are `(base, grows, maximum or 0)`.
    """
    sizes = [base for base, _, _ in bases]
    open_ = [i for i, (_, grows, _) in enumerate(bases) if grows]
    while free > 0 and open_:
        total = sum(max(bases[i][0], 1) for i in open_)
        shares = {i: free * max(bases[i][0], 1) // total for i in open_}
        if not any(shares.values()):
            shares[open_[-1]] = free
        capped = [i for i in open_ if bases[i][2] and sizes[i] + shares[i] >= bases[i][2]]
        if capped:
            for i in capped:
                free -= bases[i][2] - sizes[i]
                sizes[i] = bases[i][2]
            open_ = [i for i in open_ if i not in capped]
            continue
        for i in open_:
            sizes[i] += shares[i]
            free -= shares[i]
        sizes[open_[-1]] += free
        free = 0
    return sizes


def _lay_out(plan, disk, parts, data, memory, physical, label):
    gpt = label == "gpt"
    parts = sorted(parts, key=_order)
    kinds = [_kind(part) for part in parts]
    if "biosboot" in kinds and not gpt:
        raise StorageError("Unable to allocate requested partition scheme.")
    extended = not gpt and len(parts) > 4
    # Each logical partition costs an aligned gap for its own record.
    overhead = ALIGN + (ALIGN if gpt else 0) + (ALIGN * (len(parts) - 3) if extended else 0)
    bases = [(_base_size(part, memory), bool(part.grow), part.maxSizeMB or 0) for part in parts]
    if any(base <= 0 for base, _, _ in bases):
        raise StorageError("Unable to allocate requested partition scheme.")
    free = disk.size - overhead - sum(base for base, _, _ in bases)
    if free < 0:
        raise StorageError("Unable to allocate requested partition scheme.")
    sizes = grow(bases, free)

    boot = "/boot" if any(p.mountpoint == "/boot" for p in data.partition.partitions) else "/"
    lines = ["label: %s" % ("gpt" if gpt else "dos")]
    start, number = ALIGN, 0
    for index, (part, kind, size) in enumerate(zip(parts, kinds, sizes)):
        number += 1
        if extended and index == 3:
            lines.append("start=%dMiB, type=5" % start)
            number += 1
        if extended and index >= 3:
            start += ALIGN
        fields = ["start=%dMiB" % start, "size=%dMiB" % size, "type=%s" % TYPES[kind][1 if gpt else 0]]
        if not gpt and part.mountpoint == boot:
            fields.append("bootable")
        lines.append(", ".join(fields))
        device = "/dev/%s%s%d" % (disk.name, "p" if disk.name[-1].isdigit() else "", number)
        if kind == "biosboot":
            plan.biosboot_start = start * 2048
        elif kind == "lvmpv":
            physical[part.mountpoint] = (device, size)
        else:
            plan.volumes.append(Volume(
                device=device, kind="partition", fstype=_fstype(part, kind), size=size,
                mountpoint="" if kind == "swap" else part.mountpoint, label=part.label or "",
                options=part.fsopts or "", mkfs_options=part.mkfsopts or "",
            ))
        start += size
    plan.tables.append(Table(disk.name, label, "\n".join(lines) + "\n"))


def _plan_lvm(plan, data, physical, memory):
    groups = {}
    for request in data.volgroup.vgList:
        for member in request.physvols:
            if member not in physical:
                raise StorageError(
                    'line %s: Tried to use undefined partition "%s" in Volume Group specification' % (request.lineno, member)
                )
        extent = (request.pesize or 4096) // 1024 or 4
        # One extent of each physical volume holds LVM's own data.
        free = sum(physical[m][1] // extent * extent - extent for m in request.physvols)
        groups[request.vgname] = (Group(request.vgname, [physical[m][0] for m in request.physvols], extent, []), free)
    for request in data.logvol.lvList:
        if request.vgname not in groups:
            raise StorageError(
                'line %s: No volume group exists with the name "%s".  Specify volume groups before logical volumes.'
                % (request.lineno, request.vgname)
            )
        _check_fstype(request)
    for group, free in groups.values():
        requests = [r for r in data.logvol.lvList if r.vgname == group.name]
        bases = []
        for request in requests:
            size = free * request.percent // 100 if request.percent else _base_size_lv(request, memory)
            size = ceil(size / group.extent) * group.extent
            bases.append((size, bool(request.grow), request.maxSizeMB or 0))
            if size > free or size <= 0:
                raise StorageError("new lv is too large to fit in free space")
        left = free - sum(base for base, _, _ in bases)
        if left < 0:
            raise StorageError("new lv is too large to fit in free space")
        for request, size in zip(requests, grow(bases, left)):
            size = size // group.extent * group.extent
            swap = request.mountpoint == "swap" or request.fstype == "swap"
            group.volumes.append((request.name, size))
            plan.volumes.append(Volume(
                device="/dev/mapper/%s-%s" % (group.name.replace("-", "--"), request.name.replace("-", "--")),
                kind="logical", fstype="swap" if swap else request.fstype or "xfs", size=size,
                mountpoint="" if swap else request.mountpoint, label=request.label or "",
                options=request.fsopts or "", mkfs_options=request.mkfsopts or "",
            ))
        plan.groups.append(group)


def _base_size_lv(request, memory):
    if request.recommended and (request.mountpoint == "swap" or request.fstype == "swap"):
        return recommended_swap(memory)
    return request.size or 0


def _choose_boot_disk(plan, data, usable, boot, uefi):
    wanted = data.bootloader.bootDrive
    if wanted:
        disk = resolve(usable, wanted)
        if disk is None:
            raise StorageError('No match found for given boot drive "%s".' % wanted)
    else:
        disk = next(d for d in usable if boot.device.startswith("/dev/" + d.name))
    plan.boot_disk = disk.name
    table = next((t for t in plan.tables if t.disk == disk.name), None)
    label = table.label if table else disk.label
    if uefi:
        efi = plan.at("/boot/efi")
        if efi is None or efi.fstype != "efi":
            raise StorageError(
                "Failed to find a suitable stage1 device: EFI System Partition must be mounted on one of /boot/efi."
            )
    elif label == "gpt" and plan.biosboot_start is None and data.bootloader.location != "none":
        raise StorageError(
            "Your BIOS-based system needs a special partition to boot from a GPT disk label. To continue, please create "
            "a 1MiB 'biosboot' type partition on the %s disk." % disk.name
        )
