"""The full distribution: systemd, sshd, firewalld, chrony and Puppet, out of Debian's own packages.

Every installed .deb becomes one RPM of the same name, with the files that dpkg lists for it and with Requires from its
Depends; what maintainer scripts have generated becomes the package system-config.
"""

import os
import re
import shutil
from pathlib import Path

from . import boot, cache, rpms, stage2, tiny
from .run import chroot, run
from .rpms import Package

ROOTFS = cache.HERE / "full/rootfs"

CORE = """
    base-files system-config kernel kernel-modules-extra bash dash coreutils systemd-sysv systemd-resolved udev dbus
    iproute2 kmod curl grep sed mawk gawk login passwd util-linux mount procps findutils libpam-runtime gzip tar hostname
    openssh-server rpm e2fsprogs less policycoreutils NetworkManager init-system-helpers diffutils
""".split()

# Debian's package management and what nothing here runs.
DROP = set("""
    apt dpkg debconf libapt-pkg6.0 debian-archive-keyring gpgv linux-base ucf adduser perl perl-modules-5.36 libperl5.36
    perl-base libdebconfclient0 python3-distutils python3-lib2to3 usrmerge libfile-find-rule-perl libnumber-compare-perl
    libtext-glob-perl runit-helper debugedit gcc-12-base
""".split())

# Dependencies that only a corner of a package needs, each heavy: package -> what it does without.
WITHOUT = {"xfsprogs": {"python3"}}

# Names of RHEL for packages that Debian calls otherwise.
PROVIDES = {
    "dash": ["/bin/sh"], "procps": ["procps-ng"], "iproute2": ["iproute"], "iputils-ping": ["iputils"], "passwd": ["shadow-utils"],
    "base-files": ["filesystem", "setup", "system-release"], "systemd": ["systemd-networkd"], "mawk": ["awk"],
    "busybox-static": ["busybox"], "puppet-agent": ["puppet"], "libc6": ["glibc"], "tzdata": ["timezone-data"], "mount": ["util-linux-core"],
    "openssh-client": ["openssh-clients"],
}

NAMES_ONLY = ("authselect", "dosfstools", "NetworkManager", "glibc-langpack-en", "policycoreutils", "gawk")

_SKIP = (
    "/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bash-completion/",
    "/usr/share/zsh/", "/usr/share/bug/", "/usr/share/doc-base/", "/usr/share/gnome/", "/usr/share/icons/", "/usr/share/pixmaps/",
    "/usr/share/applications/", "/usr/share/perl", "/usr/lib/udev/hwdb", "/etc/udev/hwdb", "/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/",
    "/var/log/", "/etc/apt/", "/usr/share/python3/", "/usr/lib/python3.11/test/", "/etc/cron.daily/", "/usr/share/i18n/", "/usr/lib/modules/", "/boot/",
    "/usr/share/keyrings/", "/usr/share/debconf/", "/etc/kernel/", "/usr/share/common-licenses/", "/usr/share/initramfs-tools/",
)
_SKIP_EXACT = {
    "/vmlinuz", "/vmlinuz.old", "/initrd.img", "/initrd.img.old", "/etc/machine-id", "/etc/fstab", "/etc/hostname", "/etc/resolv.conf",
    "/etc/localtime", "/var/lib/dbus/machine-id", "/etc/.pwd.lock", "/sys", "/proc", "/dev",
}


def packages(debian, installer, product, version):
    """The directory with all RPMs of the full distribution; the kernel and GRUB are those of tiny."""
    grub = boot.grub_images(installer)

    def make(work):
        tree = work / "tree"
        run("cp", "-a", debian, tree)
        _prepare(debian, tree, product, version)
        found = _from_debian(tree)
        found += tiny.kernel_packages(installer, tree, grub)
        found += _names_only(tree)
        tiny.lvm_files(installer, tree)
        next(p for p in found if p.name == "lvm2").files.append(tiny.LVM_INITRD)
        rpms.build(found, tree, work / "rpms")
        run("rm", "-rf", tree)
        for path in (work / "rpms").iterdir():
            path.rename(work / path.name)
        (work / "rpms").rmdir()

    inputs = [Path(__file__), Path(rpms.__file__), Path(tiny.__file__), Path(boot.__file__), ROOTFS, boot.BOOT / "target-init", product,
              version, debian.parent.name, installer.parent.name, grub.name]
    return cache.part("rpms-full", inputs, make)


def _prepare(debian, tree, product, version):
    """What an administrator of the distribution would decide: which services run, what the system is called."""
    shutil.copytree(ROOTFS, tree, symlinks=True, dirs_exist_ok=True)
    for data in (tree / "usr/lib/x86_64-linux-gnu").glob("libicudata.so.*.*"):
        stage2.icu_stub(data)
    (tree / "etc/rpm").mkdir(exist_ok=True)
    (tree / "etc/rpm/macros").write_text("%_dbpath /var/lib/rpm\n%_db_backend sqlite\n")
    (tree / "usr/lib/os-release").write_text(tiny.OS_RELEASE.format(product=product, version=version, kind="full"))
    for name in ("issue", "issue.net"):
        (tree / "etc" / name).write_text("%s %s (full)\n" % (product, version))
    (tree / "etc/redhat-release").write_text("%s release %s (full)\n" % (product, version))
    chroot(tree, "systemctl", "enable", "systemd-networkd.service", "systemd-resolved.service", "sshd-keygen.service")
    for unit in ("systemd-networkd-wait-online.service", "serial-getty@ttyS0.service"):
        chroot(tree, "systemctl", "enable", unit)
    # Of no use in a test machine, and each costs seconds under emulation.
    for unit in ("getty@tty1.service", "e2scrub_reap.service", "puppet.service", "remote-fs.target", "lvm2-monitor.service", "systemd-pstore.service"):
        run("chroot", tree, "sh", "-c", "systemctl disable %s 2>/dev/null || :" % unit)
    for unit in ("systemd-firstboot.service", "systemd-update-utmp.service", "systemd-hwdb-update.service", "ldconfig.service"):
        chroot(tree, "systemctl", "mask", unit)
    for name in ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "fstrim", "e2scrub_all"):
        run("chroot", tree, "sh", "-c", "systemctl disable %s.timer 2>/dev/null || :" % name)


def _status(tree):
    """`{package: fields}` of what dpkg has installed."""
    found = {}
    for paragraph in (tree / "var/lib/dpkg/status").read_text().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.M))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields
    return found


def _canonical(tree, path):
    """The path with links of its directories followed: /bin/x is /usr/bin/x."""
    directory, name = os.path.split(path)
    base = os.path.realpath(tree)
    where = os.path.realpath(base + directory)
    inside = where[len(base):] if where.startswith(base) else directory
    return os.path.join(inside or "/", name)


def _skipped(path):
    return path in _SKIP_EXACT or any((path + "/").startswith(s) for s in _SKIP) or path.startswith("/etc/ssh/ssh_host_")


def _version(text):
    return re.sub(r"[^A-Za-z0-9.+~]", ".", text.split(":")[-1])


def _from_debian(tree):
    installed = _status(tree)
    kept = [n for n in installed if n not in DROP]
    provided = {}
    for name, fields in installed.items():
        for item in re.split(r",\s*", fields.get("Provides", "")):
            if item:
                provided.setdefault(item.split()[0].split(":")[0], name)

    owned, files = set(), {}
    for name in installed:
        listing = tree / ("var/lib/dpkg/info/%s.list" % name)
        if not listing.exists():
            listing = tree / ("var/lib/dpkg/info/%s:amd64.list" % name)
        lines = []
        for line in listing.read_text().splitlines():
            path = _canonical(tree, line)
            if path in ("/", "/.") or path in owned and not os.path.isdir(tree / path[1:]):
                continue
            owned.add(path)
            full = str(tree) + path
            if name in DROP or _skipped(path) or not os.path.lexists(full):
                continue
            if os.path.isdir(full) and not os.path.islink(full):
                # One owner for the directories of the base; others appear with their files.
                if name == "base-files":
                    lines.append('%%dir "%s"' % path)
                continue
            lines.append('%s"%s"' % ("%config(noreplace) " if path.startswith("/etc/") else "", path))
            compiled = "%s/__pycache__/%s.cpython-311.pyc" % (os.path.dirname(path), os.path.basename(path)[:-3])
            if path.endswith(".py") and os.path.exists(str(tree) + compiled):
                owned.add(compiled)
                lines.append('"%s"' % compiled)
        files[name] = lines

    out = []
    for name in kept:
        fields = installed[name]
        requires = set()
        for dependency in re.split(r",\s*", ", ".join(fields[k] for k in ("Depends", "Pre-Depends") if k in fields)):
            for alternative in dependency.split("|"):
                wanted = re.sub(r"\(.*|:any|\s", "", alternative)
                wanted = wanted if wanted in installed else provided.get(wanted)
                if wanted and wanted not in DROP:
                    if wanted != name and wanted not in WITHOUT.get(name, ()):
                        requires.add(wanted)
                    break
        if name != "base-files":
            requires.add("base-files")
        lines = files[name]
        if name == "base-files":
            # The links of merged /usr belong to no .deb.
            lines += ['"/%s"' % n for n in ("bin", "sbin", "lib", "lib64") if (tree / n).is_symlink()] + ["%dir /proc", "%dir /sys", "%dir /dev"]
        scriptlets = {"post": "systemctl enable --quiet firewalld.service || :"} if name == "firewalld" else {}
        out.append(Package(name, lines, "Debian's " + name, version=_version(fields["Version"]), requires=sorted(requires),
                           provides=PROVIDES.get(name, []), scriptlets=scriptlets, license="various"))
    left = _generated(tree, owned)
    out.append(Package("system-config", left, "What was generated when the packages were set up", requires=["base-files"]))
    return out


def _generated(tree, owned):
    """Files that no .deb owns, and empty directories."""
    found = []
    for directory, names, entries in os.walk(tree):
        inside = directory[len(str(tree)):]
        if inside.split("/")[1:2] and inside.split("/")[1] in ("proc", "sys", "dev", "tmp", "run", "boot") or inside and _skipped(inside):
            names[:] = []
            continue
        links = [n for n in names if os.path.islink(os.path.join(directory, n))]
        for name in entries + links:
            path = inside + "/" + name
            if path not in owned and not _skipped(path) and path not in ("/bin", "/sbin", "/lib", "/lib64"):
                found.append('%s"%s"' % ("%config(noreplace) " if path.startswith("/etc/") else "", path))
        if inside and not entries and not names:
            found.append('%%dir "%s"' % inside)
    return found


def _names_only(tree):
    out = []
    for name in NAMES_ONLY:
        marker = tree / "usr/share/guest" / name
        marker.parent.mkdir(parents=True, exist_ok=True)
        summary = "Only the name of " + name
        marker.write_text(summary + "\n")
        out.append(Package(name, ["/usr/share/guest/" + name], summary, noarch=True, requires=["base-files"]))
    return out
