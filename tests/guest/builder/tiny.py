"""The tiny distribution: busybox, a kernel and real rpm, boots from its disk in seconds under emulation.

Package names are those of RHEL where a kickstart may name them. What is no more than a name here (chrony, firewalld) says
so in its summary.
"""

import os
import shutil
from pathlib import Path

from . import boot, cache, elf, roots, rpms
from .run import run
from .rpms import Package

ROOTFS = cache.HERE / "tiny/rootfs"

# package: (programs, summary)
PROGRAMS = {
    "bash": (["bash"], "The GNU shell"),
    "rpm": (["rpm", "rpmdb", "rpmkeys"], "The RPM package manager"),
    "e2fsprogs": (["mkfs.ext4", "e2fsck", "tune2fs", "resize2fs"], "ext4 tools"),
    "xfsprogs": (["mkfs.xfs", "xfs_repair", "/usr/sbin/xfs_growfs"], "XFS tools"),
    "util-linux": (["blkid", "lsblk", "findmnt", "wipefs", "sfdisk", "flock"], "Disk and mount tools"),
    "qemu-guest-agent": (["qemu-ga"], "The guest agent"),
    "lvm2": (["lvm"], "Logical volumes"),
}

SHIMS = {
    "systemd": (["/usr/bin/systemctl", "/usr/bin/journalctl", "/usr/bin/hostnamectl", "/usr/lib/tiny", "/etc/inittab", "/usr/sbin/init"],
                "Not systemd: the small part of it that tiny has"),
    "curl": (["/usr/bin/curl"], "Not curl: a script over busybox wget"),
    "coreutils": (["/usr/bin/install", "/usr/bin/getent"], "Not coreutils: what busybox lacks of it"),
    "policycoreutils": (["/usr/sbin/restorecon"], "Not policycoreutils: restorecon that does nothing"),
}

# Packages that Anaconda or a template asks for; the daemon itself is not there.
NAMES_ONLY = {
    "chrony": ("chronyd.service", "Only the name of chrony: no time daemon on tiny"),
    "firewalld": ("firewalld.service", "Only the name of firewalld: no firewall on tiny"),
    "openssh-server": ("sshd.service", "Only the name of openssh-server: no logins on tiny"),
    "authselect": (None, "Only the name of authselect"),
    "sudo": (None, "Only the name of sudo"),
    "dosfstools": (None, "Only the name of dosfstools: mkdosfs is in busybox"),
    "NetworkManager": (None, "Only the name of NetworkManager: tiny's boot script sets the network up"),
    "glibc-langpack-en": (None, "Only the name of a language pack"),
}

CORE = ["filesystem", "glibc", "busybox", "bash", "systemd", "curl", "coreutils", "util-linux", "rpm", "policycoreutils",
        "e2fsprogs", "NetworkManager"]

OS_RELEASE = """\
NAME="{product}"
ID="rekindle-guest"
ID_LIKE="rhel fedora"
VERSION_ID="{version}"
VERSION="{version}"
PRETTY_NAME="{product} {version} ({kind})"
"""

_PASSWD = """\
root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
nobody:x:65534:65534:Kernel Overflow User:/:/sbin/nologin
"""
_GROUP = "root:x:0:\nbin:x:1:\ndaemon:x:2:\nwheel:x:10:\nnobody:x:65534:\n"


def packages(root, product, version):
    """The directory with all RPMs of tiny."""
    grub = boot.grub_images(root)

    def make(work):
        tree = work / "tree"
        tree.mkdir()
        built = _collect(root, tree, grub, product, version)
        rpms.build(built, tree, work / "rpms")
        shutil.rmtree(tree)
        for path in (work / "rpms").iterdir():
            path.rename(work / path.name)
        (work / "rpms").rmdir()

    inputs = [Path(__file__), Path(rpms.__file__), Path(elf.__file__), Path(boot.__file__), ROOTFS, boot.BOOT, product, version,
              root.parent.name, grub.name]
    return cache.part("rpms-tiny", inputs, make)


def _collect(root, tree, grub, product, version):
    found = [_filesystem(tree, product, version)]
    found += kernel_packages(root, tree, grub)
    shutil.copytree(ROOTFS, tree, symlinks=True, dirs_exist_ok=True)
    for name in ("net.sh", "udhcpc.sh"):
        shutil.copy2(boot.BOOT / name, tree / "usr/lib/tiny" / name)
    _patch_net(tree)
    os.symlink("../bin/busybox", tree / "usr/sbin/init")

    libraries = set()
    owners, users = {}, {}
    for name, (programs, summary) in PROGRAMS.items():
        paths, needed = elf.copy_programs(root, programs, tree)
        owners[name] = (paths, summary)
        libraries |= set(needed)
        for path in needed:
            users.setdefault(path, set()).add(name)
    base = [p for p in libraries if p.rsplit("/", 1)[1].split(".so")[0] in ("libc", "libm", "ld-linux-x86-64", "libpthread", "libdl", "librt")]
    for name in ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"):
        elf.copy(root, "/usr/lib/x86_64-linux-gnu/" + name, tree)
        base.append("/usr/lib/x86_64-linux-gnu/" + name)
    found.append(Package("glibc", sorted(set(base)), "The C library", requires=["filesystem"]))
    # What only one package uses is in that package, so that nobody else waits for it.
    for path in sorted(libraries - set(base)):
        if len(users[path]) == 1:
            owners[users[path].pop()][0].append(path)
            libraries.discard(path)
    found.append(Package("tiny-libs", sorted(libraries - set(base)), "The libraries that several of tiny's programs use", requires=["glibc"]))

    shutil.copytree(root / "usr/lib/rpm", tree / "usr/lib/rpm", symlinks=True,
                    ignore=lambda d, n: {x for x in n if d.endswith("usr/lib/rpm") and x not in ("macros", "rpmrc", "platform", "rpmpopt-4.18.0")})
    (tree / "etc/rpm").mkdir(parents=True)
    (tree / "etc/rpm/macros").write_text("%_dbpath /var/lib/rpm\n%_db_backend sqlite\n")
    shutil.copy2(root / "etc/mke2fs.conf", tree / "etc/mke2fs.conf")
    # As on RHEL; besides, busybox's own shell would take its applet `rpm` for the real one.
    os.symlink("bash", tree / "usr/bin/sh")
    extra = {"bash": ["/usr/bin/sh"], "rpm": ["/usr/lib/rpm", "/etc/rpm"], "e2fsprogs": ["/etc/mke2fs.conf"],
             "lvm2": ["/etc/lvm", LVM_INITRD]}
    lvm_files(root, tree)
    (tree / "etc/lvm").mkdir()
    (tree / "etc/lvm/lvm.conf").write_text(boot.LVM_CONFIG)
    for name in ("pvs", "vgs", "lvs", "vgchange", "pvcreate", "vgcreate", "lvcreate"):
        os.symlink("lvm", tree / "usr/sbin" / name)
        extra["lvm2"].append("/usr/sbin/" + name)
    provides = {"bash": ["/bin/sh"], "rpm": ["rpm-libs"], "util-linux": ["util-linux-core"]}
    if (tree / "usr/sbin/qemu-ga").exists():
        unit = tree / "usr/lib/systemd/system/qemu-guest-agent.service"
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(_GUEST_AGENT)
        extra["qemu-guest-agent"] = ["/usr/lib/systemd/system/qemu-guest-agent.service"]
    for name, (paths, summary) in owners.items():
        scriptlets = {"post": "systemctl enable --quiet qemu-guest-agent.service"} if name == "qemu-guest-agent" else {}
        found.append(Package(name, sorted(set(paths)) + extra.get(name, []), summary, requires=["busybox", "tiny-libs"],
                             provides=provides.get(name, []), scriptlets=scriptlets))

    found.append(_busybox(root, tree))
    for name, (files, summary) in SHIMS.items():
        found.append(Package(name, files, summary, version="252" if name == "systemd" else "1.0", requires=["busybox"]))
    for name, (unit, summary) in NAMES_ONLY.items():
        files = []
        if unit:
            place = tree / "usr/lib/systemd/system" / unit
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("[Unit]\nDescription=%s\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
                             "[Install]\nWantedBy=multi-user.target\n" % summary)
            files = ["/usr/lib/systemd/system/" + unit]
        else:
            marker = tree / "usr/share/tiny" / name
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.write_text(summary + "\n")
            files = ["/usr/share/tiny/" + name]
        found.append(Package(name, files, summary, noarch=True, requires=["filesystem"]))
    return found


_GUEST_AGENT = """\
[Unit]
Description=QEMU Guest Agent
ConditionPathExists=/dev/virtio-ports/org.qemu.guest_agent.0
[Service]
ExecStart=/usr/sbin/qemu-ga --method=virtio-serial --path=/dev/virtio-ports/org.qemu.guest_agent.0 --statedir=/run
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
"""


def _patch_net(tree):
    """The initrd has udhcpc's script at another place."""
    path = tree / "usr/lib/tiny/net.sh"
    path.write_text(path.read_text().replace("/lib/udhcpc.sh", "/usr/lib/tiny/udhcpc.sh"))


def _filesystem(tree, product, version):
    directories = ["boot", "dev", "etc", "etc/systemd", "etc/systemd/system", "home", "mnt", "opt", "proc", "root", "run", "srv", "sys",
                   "tmp", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/libexec", "usr/sbin", "usr/share", "var", "var/cache", "var/lib",
                   "var/lib/rpm", "var/log", "var/spool", "var/tmp", "usr/lib/systemd", "usr/lib/systemd/system", "etc/sysconfig"]
    for name in directories:
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "root").chmod(0o550)
    (tree / "tmp").chmod(0o1777)
    (tree / "var/tmp").chmod(0o1777)
    links = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "../run", "usr/lib/os-release": None}
    for name, target in links.items():
        if target:
            os.symlink(target, tree / name)
    files = {
        "etc/passwd": _PASSWD, "etc/group": _GROUP, "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "etc/shadow": "root:*:19000:0:99999:7:::\n", "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n", "etc/shells": "/bin/sh\n/bin/bash\n",
        "etc/os-release": OS_RELEASE.format(product=product, version=version, kind="tiny"),
        "etc/redhat-release": "%s release %s (tiny)\n" % (product, version),
    }
    for name, text in files.items():
        (tree / name).write_text(text)
    (tree / "etc/shadow").chmod(0o600)
    listed = ["%%dir /%s" % d for d in directories] + ["/" + n for n, t in links.items() if t] + ["%%config(noreplace) /%s" % n for n in files]
    return Package("filesystem", listed, "The directories and the basic files of tiny", version=version,
                   provides=["setup", "basesystem", "rootfiles", "system-release"])


def _busybox(root, tree):
    taken = {p.name for d in ("usr/bin", "usr/sbin") for p in (tree / d).iterdir()}
    shutil.copy2(root / "usr/bin/busybox", tree / "usr/bin/busybox")
    files = ["/usr/bin/busybox"]
    for applet in run("chroot", root, "busybox", "--list").split():
        if applet in ("rpm", "dpkg", "dpkg-deb", "busybox", "sh") or applet in taken:
            continue
        place = "usr/sbin" if applet in _SBIN else "usr/bin"
        os.symlink("../bin/busybox", tree / place / applet)
        files.append("/%s/%s" % (place, applet))
    return Package("busybox", files, "The Unix tools of tiny", version="1.35", requires=["filesystem"],
                   provides=["sed", "grep", "gawk", "tar", "gzip", "findutils", "procps-ng", "hostname", "iproute", "less",
                             "which", "iputils", "diffutils", "kmod"])


_SBIN = {"acpid", "chroot", "halt", "poweroff", "reboot", "modprobe", "insmod", "rmmod", "ip", "ifconfig", "route", "mkswap", "swapon",
         "swapoff", "losetup", "sysctl", "udhcpc", "switch_root", "nologin", "sulogin", "getty", "mdev", "klogd", "syslogd", "mke2fs"}


# Where lvm2 keeps what the installer adds to the initrd.
LVM_INITRD = "/usr/lib/initrd/lvm.img"


def lvm_files(root, tree):
    """The part of lvm2 that is for the initrd, in both distributions."""
    place = tree / LVM_INITRD[1:]
    place.parent.mkdir(parents=True, exist_ok=True)
    boot.lvm_initrd(root, place)


def kernel_packages(root, tree, grub):
    """The kernel with its modules and initrd, and GRUB: the same packages in both distributions."""
    version = roots.kernel_version(root)
    (tree / "boot").mkdir(exist_ok=True)
    shutil.copy2(root / "boot" / ("vmlinuz-" + version), tree / "boot" / ("vmlinuz-" + version))
    boot.target_initrd(root, tree / "boot" / ("initramfs-%s.img" % version))
    modules = "/usr/lib/modules/" + version
    boot.copy_modules(root, boot.LATER_MODULES + boot.EXTRA_MODULES, tree)
    later = boot.module_files(root, boot.LATER_MODULES)
    extra = [p for p in boot.module_files(root, boot.EXTRA_MODULES) if p not in later]
    indexes = ["%s/%s" % (modules, p.name) for p in (tree / modules[1:]).iterdir() if p.is_file()]
    images = tree / "usr/lib/grub/i386-pc"
    images.mkdir(parents=True)
    for name in ("boot.img", "core.img"):
        shutil.copy2(grub / name, images / name)
    efi = tree / "usr/lib/grub/x86_64-efi"
    efi.mkdir()
    shutil.copy2(grub / "grubx64.efi", efi / "grubx64.efi")
    number = version.split("-")[0]
    (tree / "usr/share/grub2").mkdir(parents=True)
    for name, text in (("README", "GRUB for BIOS machines is in grub2-tools."), ("shim-x64", "Only the name of shim: no secure boot here."),
                       ("efibootmgr", "Only the name of efibootmgr: GRUB is put where every firmware looks.")):
        (tree / "usr/share/grub2" / name).write_text(text + "\n")
    return [
        Package("kernel", ["/boot/vmlinuz-" + version, "/boot/initramfs-%s.img" % version, *indexes, *("/usr" + p for p in later)],
                "The Linux kernel", version=number, provides=["kernel-core", "kernel-modules"], license="GPL-2.0-only"),
        Package("kernel-modules-extra", ["/usr" + p for p in extra], "Modules for packet filtering", version=number, requires=["kernel"],
                license="GPL-2.0-only"),
        Package("grub2-pc", ["/usr/share/grub2/README"], "The boot loader, for BIOS", version="2.06", noarch=True,
                requires=["grub2-tools"], provides=["grub2"]),
        Package("grub2-efi-x64", ["/usr/lib/grub/x86_64-efi"], "The boot loader, for UEFI", version="2.06", license="GPL-3.0-or-later",
                requires=["grub2-tools"]),
        Package("shim-x64", ["/usr/share/grub2/shim-x64"], "Only the name of shim", noarch=True),
        Package("efibootmgr", ["/usr/share/grub2/efibootmgr"], "Only the name of efibootmgr", noarch=True),
        Package("grub2-tools", ["/usr/lib/grub/i386-pc"], "The images of the boot loader", version="2.06", license="GPL-3.0-or-later",
                provides=["grub2-tools-minimal", "grub2-common"]),
    ]
