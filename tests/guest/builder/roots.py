"""The Debian root file systems that the guest's files are taken from."""

from . import cache
from .run import run

SOURCES = """\
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""

KERNEL = "linux-image-cloud-amd64"

# What the installer runs, and what tiny is made of.
INSTALLER = """
    python3-minimal dnf python3-dnf rpm python3-requests fdisk e2fsprogs xfsprogs lvm2 kmod busybox-static iproute2 curl
    util-linux grub-pc-bin grub-efi-amd64-bin grub-common qemu-guest-agent bash
""".split() + [KERNEL]

# What the full distribution is made of.
FULL = """
    systemd-sysv systemd-resolved udev dbus iproute2 kmod busybox-static puppet-agent ruby openssh-server curl
    qemu-guest-agent chrony firewalld sudo hostname xfsprogs e2fsprogs lvm2 less procps iputils-ping bash
    ca-certificates tar gzip rpm dnf gpg
""".split()

_NO_PATHS = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")


def _sources():
    """`SOURCES` from the mirrors that this machine's apt uses, where it uses some for this release."""
    text = SOURCES
    for codename, default in (("bookworm", "http://deb.debian.org/debian "), ("bookworm-security", "http://deb.debian.org/debian-security ")):
        found = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: " + codename).split()
        if found:
            text = text.replace(default, found[0].rstrip("/") + " ")
    return text


def _apt_options():
    """What apt must be told inside as well: retries, and the proxy of this machine."""
    options = ['Acquire::Retries "3"', "Apt::Install-Recommends false"]
    for line in run("apt-config", "dump", "--format", "%f %v%n", "Acquire::http::Proxy").splitlines():
        name, _, value = line.partition(" ")
        if value:
            options.append('%s "%s"' % (name, value))
    return ["--aptopt=" + option for option in options]


def _debian(name, packages):
    def make(work):
        sources = work / "sources.list"
        sources.write_text(_sources())
        run(
            "mmdebstrap", "--mode=root", "--variant=minbase", *_apt_options(),
            *("--dpkgopt=path-exclude=" + path for path in _NO_PATHS),
            "--include=" + ",".join(packages), "bookworm", work / "root", sources,
            # INITRD=No: nobody needs Debian's own initrd of the kernel.
            env={"SOURCE_DATE_EPOCH": "1700000000", "INITRD": "No"},
        )
        # Downloaded packages are of no more use, and a build must not follow a changing /etc/resolv.conf.
        run("rm", "-rf", work / "root/var/cache/apt", work / "root/var/lib/apt/lists")

    return cache.part(name, [SOURCES, " ".join(packages)], make) / "root"


def installer_root():
    return _debian("root-installer", INSTALLER)


def full_root():
    return _debian("root-full", FULL)


def kernel_version(root):
    """The one kernel in a root."""
    (version,) = [p.name for p in (root / "usr/lib/modules").iterdir()]
    return version
