"""What boots: the initrds of the installer and of the installed systems, kernel modules, GRUB's images."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

from . import cache, elf, roots
from .run import chroot, run

BOOT = cache.HERE / "boot"

INSTALLER_MODULES = """
    virtio_pci virtio_blk virtio_net virtio_rng virtio_console loop squashfs overlay
""".split()
TARGET_MODULES = "virtio_pci virtio_blk xfs".split()
# In the file system of the installer and of the installed systems, to be loaded when they are needed.
LATER_MODULES = """
    virtio_net virtio_rng virtio_console virtio_balloon xfs vfat nls_cp437 nls_ascii nls_utf8 dm-mod button evdev
    8021q bonding bridge
""".split()
# For firewalld; a package of their own, which tiny does without.
EXTRA_MODULES = """
    nf_tables nf_conntrack nf_nat nfnetlink nft_ct nft_nat nft_masq nft_redir nft_chain_nat nft_fib_inet nft_fib_ipv4 nft_fib_ipv6
    nft_reject_inet nft_log nft_limit nft_compat ip_set autofs4
""".split()

_APPLETS = """
    sh mount umount mkdir ip udhcpc wget insmod switch_root cat sed grep echo sleep mknod losetup ls dmesg ln cp rm cut tr
    head tail hostname readlink findfs reboot poweroff awk
""".split()


def module_files(root, names):
    """Paths (inside the root) of modules and of what they need, in the order of loading."""
    version = roots.kernel_version(root)
    found = []
    for name in names:
        for line in chroot(root, "modprobe", "-S", version, "-D", name).splitlines():
            words = line.split()
            if words and words[0] == "insmod" and words[1] not in found:
                found.append(words[1])
    return found


def copy_modules(root, names, target):
    """A /usr/lib/modules with only these modules, and its index files."""
    version = roots.kernel_version(root)
    for path in module_files(root, names):
        source = root / path.lstrip("/")
        place = target / "usr" / path.lstrip("/").removeprefix("usr/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)
    base = target / "usr/lib/modules" / version
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        shutil.copy2(root / "usr/lib/modules" / version / name, base / name)
    link = target / "lib"
    made = not link.is_symlink()
    if made:
        os.symlink("usr/lib", link)
    run("depmod", "-b", target, version)
    if made:
        link.unlink()


def _cpio(work, out):
    """Packs a directory as an initrd. Several of them can be joined: the kernel unpacks one after the other."""
    names = "\n".join(sorted(str(p.relative_to(work)) for p in work.rglob("*")))
    archive = run_bytes("cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0", cwd=work, stdin=names)
    with open(out, "wb") as handle, gzip.GzipFile("", "wb", 6, handle, mtime=0) as packed:
        packed.write(archive)
    shutil.rmtree(work)


def lvm_initrd(root, out):
    """What an initrd needs besides to find logical volumes, all of it in /lvm."""
    work = out.parent / (out.name + ".d")
    (work / "lvm/lib").mkdir(parents=True)
    shutil.copy2(root / "usr/sbin/lvm", work / "lvm/lvm")
    for path in elf.libraries(root, ["/usr/sbin/lvm"]):
        shutil.copy2(root / elf.real(root, elf.merged(path)).lstrip("/"), work / "lvm/lib" / os.path.basename(path))
    modules = [p for p in module_files(root, ["dm-mod"])]
    for path in modules:
        shutil.copy2(root / path.lstrip("/"), work / "lvm")
    (work / "lvm/order").write_text("".join(os.path.basename(p) + "\n" for p in modules))
    (work / "lvm/lvm.conf").write_text(LVM_CONFIG)
    _cpio(work, out)


# No udev and no daemons: LVM makes its device nodes itself.
LVM_CONFIG = """\
activation {
  udev_sync = 0
  udev_rules = 0
  monitoring = 0
}
backup {
  backup = 0
  archive = 0
}
devices {
  use_devicesfile = 0
}
"""


def _initrd(root, init, modules, extra, out):
    work = out.parent / (out.name + ".d")
    for name in ("bin", "dev", "proc", "sys", "run", "newroot", "lib/modules", "etc", "tmp"):
        (work / name).mkdir(parents=True)
    shutil.copy2(root / "usr/bin/busybox", work / "bin/busybox")
    for applet in _APPLETS:
        os.symlink("busybox", work / "bin" / applet)
    order = []
    for path in module_files(root, modules):
        shutil.copy2(root / path.lstrip("/"), work / "lib/modules")
        order.append(os.path.basename(path))
    (work / "lib/modules/order").write_text("".join(n + "\n" for n in order))
    shutil.copy2(BOOT / init, work / "init")
    for source, place in extra.items():
        if isinstance(source, Path):
            shutil.copy2(source, work / place)
        else:
            (work / place).write_text(source)
    os.mknod(work / "dev/console", 0o600 | 0o020000, os.makedev(5, 1))
    _cpio(work, out)


def run_bytes(*command, cwd, stdin):
    return subprocess.run(command, cwd=cwd, input=stdin.encode(), stdout=subprocess.PIPE, check=True).stdout


def buildstamp(product, version):
    return "[Main]\nProduct=%s\nVersion=%s\nIsFinal=True\nUUID=rekindle.x86_64\n" % (product, version)


def installer_initrd(root, product, version):
    stamp = buildstamp(product, version)

    def make(work):
        shutil.copy2(root / "boot" / ("vmlinuz-" + roots.kernel_version(root)), work / "vmlinuz")
        extra = {BOOT / "net.sh": "lib/net.sh", BOOT / "udhcpc.sh": "lib/udhcpc.sh", stamp: ".buildstamp"}
        _initrd(root, "installer-init", INSTALLER_MODULES, extra, work / "initrd.img")

    inputs = [Path(__file__), BOOT / "installer-init", BOOT / "net.sh", BOOT / "udhcpc.sh", stamp, root.parent.name]
    return cache.part("boot", inputs, make)


def target_initrd(root, out):
    """The initrd of an installed system."""
    _initrd(root, "target-init", TARGET_MODULES, {}, out)


# Found by a file, so that one image serves every disk: with /boot on a partition of its own, and without.
_GRUB_CONFIG = """\
serial --unit=0 --speed=115200
terminal_output serial console
search --no-floppy --set=root --file /grub2/grub.cfg
if [ -f /grub2/grub.cfg ]; then
    configfile /grub2/grub.cfg
else
    search --no-floppy --set=root --file /boot/grub2/grub.cfg
    configfile /boot/grub2/grub.cfg
fi
"""
_GRUB_MODULES = """
    part_msdos part_gpt ext2 xfs lvm normal linux search search_fs_file search_fs_uuid configfile serial terminal test echo boot
    minicmd halt reboot
""".split()
# The platform of GRUB: what it needs besides, and the name of its image.
_GRUB_PLATFORMS = {"i386-pc": (["biosdisk"], "core.img"), "x86_64-efi": (["fat"], "grubx64.efi")}


def grub_images(root):
    """A directory with boot.img and core.img for BIOS, grubx64.efi for UEFI."""

    def make(work):
        # grub-mkimage wants to run with its own libraries, and so inside the root.
        inside = root / "tmp"
        (inside / "grub-early.cfg").write_text(_GRUB_CONFIG)
        for platform, (modules, name) in _GRUB_PLATFORMS.items():
            chroot(
                root, "grub-mkimage", "-O", platform, "-d", "/usr/lib/grub/" + platform, "-p", "/boot/grub2", "-c", "/tmp/grub-early.cfg",
                "-o", "/tmp/" + name, *modules, *_GRUB_MODULES,
            )
            shutil.move(inside / name, work / name)
        (inside / "grub-early.cfg").unlink()
        shutil.copy2(root / "usr/lib/grub/i386-pc/boot.img", work / "boot.img")

    inputs = [_GRUB_CONFIG, " ".join(_GRUB_MODULES), str(_GRUB_PLATFORMS), root.parent.name]
    return cache.part("grub", inputs, make)
