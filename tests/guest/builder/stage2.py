"""The second stage of the installer: a squashfs image with just what an installation runs."""

import os
import shutil
from pathlib import Path

from . import boot, cache, elf
from .run import run

INSTALLER = cache.HERE / "installer"
PYKICKSTART = ("pykickstart", "3.78")

PROGRAMS = """
    bash busybox python3.11 curl rpm rpmdb mount umount blkid lsblk findmnt wipefs sfdisk mkswap swapon swapoff blockdev
    losetup mkfs.ext4 mke2fs tune2fs resize2fs mkfs.xfs lvm ip kmod chroot flock setsid hostname
""".split()
# Links that the programs above are also known by.
LINKS = {
    "usr/bin/sh": "bash", "usr/bin/python3": "python3.11", "usr/sbin/modprobe": "../bin/kmod", "usr/sbin/insmod": "../bin/kmod",
    "usr/sbin/lsmod": "../bin/kmod", "usr/sbin/depmod": "../bin/kmod",
}
LINKS.update({"usr/sbin/" + n: "lvm" for n in ("pvcreate", "vgcreate", "lvcreate", "pvs", "vgs", "lvs", "vgchange", "vgscan")})

# Of Python, dnf and pykickstart only what runs is taken; .py is compiled, the source left out.
PYTHON_SKIP = {
    "test", "idlelib", "lib2to3", "distutils", "ensurepip", "pydoc_data", "turtledemo", "tkinter", "unittest", "asyncio",
    "multiprocessing", "sqlite3", "venv", "curses", "dbm", "wsgiref", "xmlrpc", "__pycache__", "config-3.11-x86_64-linux-gnu",
    "cli", "locale",
}
PACKAGES = ("dnf", "hawkey", "libdnf", "libcomps", "rpm", "gpg", "six.py")

# The stub of libicudata: libxml2 links it, but only reads XML in UTF-8, and its 30 MB of tables stay unused.
ICU_STUB = """
struct { unsigned short header; unsigned char m1, m2; unsigned short size, reserved; unsigned char endian, charset, width, r2;
         unsigned char format[4], version[4], data[4]; unsigned count; unsigned pad[4]; } icudt72_dat __attribute__((aligned(16))) =
    { 32, 0xda, 0x27, 20, 0, 0, 0, 2, 0, { 'T', 'o', 'C', 'P' }, { 1, 0, 0, 0 }, { 0, 0, 0, 0 }, 0, { 0, 0, 0, 0 } };
"""


def pykickstart():
    """The package directory of the real pykickstart."""
    name, version = PYKICKSTART

    def make(work):
        run(
            "/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check",
            "--root-user-action=ignore", "--target", work, "%s==%s" % (name, version), env={"PIP_BREAK_SYSTEM_PACKAGES": "1"},
        )

    return cache.part("pykickstart", [name, version], make)


def _python(root, target):
    """The standard library and the packages."""
    library = target / "usr/lib/python3.11"

    def ignore(directory, names):
        return {n for n in names if n in PYTHON_SKIP or n.endswith((".egg-info", ".dist-info"))}

    shutil.copytree(root / "usr/lib/python3.11", library, ignore=ignore, symlinks=True)
    packages = target / "usr/lib/python3/dist-packages"
    packages.mkdir(parents=True)
    for name in PACKAGES:
        source = root / "usr/lib/python3/dist-packages" / name
        if source.is_dir():
            shutil.copytree(source, packages / name, ignore=ignore)
        else:
            shutil.copy2(source, packages / name)
    shutil.copytree(INSTALLER / "shims/requests", packages / "requests", ignore=ignore)
    shutil.copytree(pykickstart() / "pykickstart", packages / "pykickstart", ignore=lambda d, n: {"locale", "__pycache__"} & set(n))


def _compile(root, target):
    """Compiles every module to a .pyc in its place (no __pycache__, no source, no docstrings); reading is most of the
    time that Python takes to start under emulation."""
    run(
        "/usr/bin/python3", "-c",
        "import sys, pathlib, py_compile\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "for source in pathlib.Path(sys.argv[2]).rglob('*.py'):\n"
        "    place = source.with_suffix('.pyc')\n"
        "    py_compile.compile(str(source), str(place), dfile='/' + str(source.relative_to(root)), doraise=True,\n"
        "                       optimize=0, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n"
        "    source.unlink()\n",
        root, target,
    )


def image(root, product, version):
    base = _base(root)
    stamp = boot.buildstamp(product, version)

    def make(work):
        tree = work / "tree"
        cache.link_tree(base / "tree", tree)
        packages = tree / "usr/lib/python3/dist-packages"
        shutil.copytree(INSTALLER / "standin", packages / "standin", ignore=lambda d, n: {"__pycache__"} & set(n))
        _compile(tree, packages / "standin")
        (tree / ".buildstamp").write_text(stamp)
        shutil.copy2(boot.BOOT / "stage2-init", tree / "usr/sbin/stage2-init")
        run("mksquashfs", tree, work / "install.img", "-comp", "zstd", "-Xcompression-level", "9", "-quiet", "-no-progress", "-all-root",
            "-reproducible", "-mkfs-time", "0", "-all-time", "0", "-noappend")
        shutil.rmtree(tree)

    inputs = [Path(__file__), INSTALLER / "standin", boot.BOOT / "stage2-init", stamp, base.name]
    return cache.part("stage2", inputs, make)


def _base(root):
    """Everything but the installer itself: changes seldom."""

    def make(work):
        tree = work / "tree"
        for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "proc", "sys", "dev", "run", "tmp", "root", "mnt/sysimage",
                     "var/tmp", "var/lib/rpm", "var/cache", "usr/lib/locale"):
            (tree / name).mkdir(parents=True)
        shutil.copytree(root / "usr/lib/locale/C.utf8", tree / "usr/lib/locale/C.utf8")
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + name, tree / name)
        for link, target in LINKS.items():
            os.symlink(target, tree / link)
        _python(root, tree)
        extensions = [
            "/" + str(p.relative_to(tree)) for d in ("usr/lib/python3.11/lib-dynload", "usr/lib/python3/dist-packages")
            for p in (tree / d).rglob("*.so*")
        ]
        programs = [p for p in PROGRAMS if p != "hostname"]
        elf.copy_programs(root, programs, tree, without={"libicudata"})
        for path in elf.libraries(root, extensions):
            if "libicudata" not in path:
                elf.copy(root, path, tree)
        icu_stub(tree / "usr/lib/x86_64-linux-gnu/libicudata.so.72")
        _busybox_links(root, tree)
        shutil.copytree(root / "usr/lib/rpm", tree / "usr/lib/rpm", symlinks=True,
                        ignore=lambda d, n: {x for x in n if x not in ("macros", "rpmrc", "platform", "x86_64-linux", "noarch-linux", "rpm-plugins")
                                             and d.endswith("usr/lib/rpm")})
        boot.copy_modules(root, boot.LATER_MODULES, tree)
        _etc(root, tree)
        run("ldconfig", "-r", tree)
        _compile(tree, tree / "usr/lib")

    inputs = [Path(__file__), Path(elf.__file__), Path(boot.__file__), INSTALLER / "shims", " ".join(boot.LATER_MODULES), root.parent.name, pykickstart().name]
    return cache.part("stage2-base", inputs, make)


def icu_stub(path):
    """Puts the stub of libicudata at `path`."""
    run("gcc", "-x", "c", "-shared", "-nostdlib", "-fPIC", "-Wl,-soname,libicudata.so.72", "-o", path, "-", stdin=ICU_STUB)


def _busybox_links(root, tree):
    for applet in run("chroot", root, "busybox", "--list").split():
        if applet in ("rpm", "dpkg", "dpkg-deb", "init", "linuxrc"):
            continue
        if not any(os.path.lexists(tree / d / applet) for d in ("usr/bin", "usr/sbin")):
            os.symlink("busybox", tree / "usr/bin" / applet)


def _etc(root, tree):
    etc = tree / "etc"
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n")
    (etc / "group").write_text("root:x:0:\ndisk:x:6:\nnogroup:x:65534:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "mke2fs.conf").write_text((root / "etc/mke2fs.conf").read_text())
    # Debian's rpm would keep its database in the home directory.
    (etc / "rpm").mkdir()
    # Every package has been checked against the repository's metadata when it was downloaded.
    (etc / "rpm/macros").write_text("%_dbpath /var/lib/rpm\n%_db_backend sqlite\n%_pkgverify_level none\n")
    (etc / "dnf").mkdir()
    (etc / "dnf/dnf.conf").write_text("[main]\n")
    (etc / "lvm").mkdir()
    (etc / "lvm/lvm.conf").write_text(boot.LVM_CONFIG)
    # glibc finds the name services by these.
    for name in ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"):
        elf.copy(root, "/usr/lib/x86_64-linux-gnu/" + name, tree)
