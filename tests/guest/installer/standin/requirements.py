"""The packages that Anaconda adds by itself, with its reason for each. Pure."""

_FILESYSTEM_TOOLS = {"xfs": "xfsprogs", "ext4": "e2fsprogs", "efi": "dosfstools"}


def added_packages(kickstart, plan, uefi=False):
    """Names of packages that the kickstart's commands and the storage need; `-name` in %packages takes one away."""
    data = kickstart.data
    added = []
    if not _ntp_disabled(data):
        added.append("chrony")
    if kickstart.has("firewall"):
        added.append("firewalld")
    if kickstart.has("authselect"):
        added.append("authselect")
    if kickstart.has("auth", "authconfig"):
        added.append("authselect-compat")
    if data.bootloader.location != "none" and not data.bootloader.disabled:
        added += ["efibootmgr", "grub2-efi-x64", "shim-x64"] if uefi else ["grub2", "grub2-tools"]
    for volume in plan.volumes:
        tool = _FILESYSTEM_TOOLS.get(volume.fstype)
        if tool and volume.mountpoint:
            added.append(tool)
    if plan.groups:
        added.append("lvm2")
    excluded = set(data.packages.excludedList)
    return [name for name in dict.fromkeys(added) if name not in excluded]


def _ntp_disabled(data):
    timesource = getattr(data, "timesource", None)
    if timesource is not None and any(source.ntp_disable for source in timesource.dataList()):
        return True
    return bool(getattr(data.timezone, "nontp", False))


def wanted_specs(packages):
    """What %packages asks for, in dnf's words: `(include, exclude)`, in Anaconda's order."""
    include, exclude = [], []
    if packages.environment:
        include.append("@^" + packages.environment)
    if packages.nocore:
        exclude.append("@core")
    else:
        include.append("@core")
    for group in packages.groupList:
        suffix = {1: "", 0: "/mandatory", 2: "/mandatory,default,optional"}.get(_level(group), "")
        include.append("@" + group.name + suffix)
    include += packages.packageList
    exclude += ["@" + group.name for group in packages.excludedGroupList]
    exclude += packages.excludedList
    return list(dict.fromkeys(include)), list(dict.fromkeys(exclude))


def _level(group):
    from pykickstart import constants

    return {constants.GROUP_REQUIRED: 0, constants.GROUP_DEFAULT: 1, constants.GROUP_ALL: 2}[group.include]
