"""What this installer can do of a kickstart; everything else is refused, never passed over. Pure.

Anaconda can do far more. Where a kickstart asks for it, an install by the stand-in would prove nothing, so it fails
with a message that says that the stand-in is the limit.
"""

from .errors import InstallFailed

# Commands with the options that are really carried out (or that have no effect on such a machine). None: any options.
COMMANDS = {
    "authselect": None,
    "bootloader": {"--append", "--location", "--boot-drive", "--driveorder", "--timeout", "--disabled", "--leavebootorder"},
    "clearpart": {"--all", "--linux", "--none", "--initlabel", "--drives", "--disklabel"},
    "cmdline": None,
    "eula": None,
    "firewall": {"--enabled", "--enable", "--disabled", "--disable", "--service", "--port", "--remove-service", "--ssh", "--http", "--smtp",
                 "--ftp"},
    "firstboot": {"--disable", "--disabled"},
    "graphical": None,
    "group": {"--name", "--gid"},
    "halt": None,
    "ignoredisk": {"--only-use", "--drives"},
    "keyboard": None,
    "lang": None,
    "logging": None,
    "logvol": {"--fstype", "--vgname", "--size", "--name", "--grow", "--maxsize", "--label", "--fsoptions", "--percent",
               "--recommended", "--mkfsoptions"},
    "network": {"--bootproto", "--device", "--ip", "--netmask", "--gateway", "--nameserver", "--hostname", "--onboot",
                "--activate", "--no-activate", "--ipv6", "--ipv6gateway", "--noipv6", "--noipv4", "--mtu", "--ipv4-dns-search",
                "--ipv6-dns-search", "--nodefroute"},
    "part": {"--size", "--grow", "--maxsize", "--fstype", "--label", "--ondisk", "--ondrive", "--onpart", "--usepart",
             "--noformat", "--recommended", "--asprimary", "--fsoptions", "--mkfsoptions"},
    "poweroff": None,
    "reboot": {"--eject"},
    "repo": {"--name", "--baseurl", "--mirrorlist", "--cost", "--install", "--excludepkgs", "--includepkgs", "--noverifyssl"},
    "rootpw": {"--iscrypted", "--plaintext", "--lock", "--allow-ssh"},
    "selinux": None,
    "services": {"--enabled", "--disabled"},
    "shutdown": None,
    "skipx": None,
    "sshkey": {"--username"},
    "text": None,
    "timesource": None,
    "timezone": None,
    "url": {"--url", "--mirrorlist", "--noverifyssl"},
    "user": {"--name", "--uid", "--gid", "--groups", "--homedir", "--shell", "--gecos", "--password", "--iscrypted",
             "--plaintext", "--lock"},
    "volgroup": {"--pesize"},
    "zerombr": None,
}
COMMANDS["partition"] = COMMANDS["part"]

FSTYPES = ("ext4", "xfs", "swap", "biosboot", "efi")


def _refuse(line, what):
    raise InstallFailed("line %s: %s is not supported by this installer (a stand-in for Anaconda)" % (line, what))


def check_commands(kickstart):
    """Refuses the first command or option that would not be carried out."""
    for line, (name, *args) in kickstart.written:
        if name not in COMMANDS:
            _refuse(line, "command '%s'" % name)
        known = COMMANDS[name]
        if known is None:
            continue
        for arg in args:
            if arg.startswith("--"):
                option = arg.split("=")[0]
                if option not in known:
                    _refuse(line, "option '%s' of '%s'" % (option, name))
    packages = kickstart.data.packages
    if packages.multiLib:
        _refuse("of %packages", "--multilib")
    if packages.default:
        _refuse("of %packages", "--default")
    for network in kickstart.data.network.network:
        if network.bootProto not in ("dhcp", "static", "", None):
            _refuse(network.lineno, "network --bootproto=%s" % network.bootProto)
    if getattr(kickstart.data, "certificates", None):
        _refuse("of %certificate", "a certificate")
