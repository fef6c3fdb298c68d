"""Configures the installed system: what Anaconda writes after the packages are in."""

import crypt
import os
import re
import shutil
import subprocess
import uuid

from . import bootblock, disks, network
from .errors import InstallFailed
from .storage import SYSROOT, fstab

SECTOR = 512


def path(name):
    return os.path.join(SYSROOT, name.lstrip("/"))


def write(name, text, mode=0o644):
    full = path(name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(full, mode)


def read(name):
    return disks.read(path(name))


def in_target(log, *command):
    """Runs a program inside the installed system; returns its exit code."""
    log.info("program", "Running in chroot '%s'... %s" % (SYSROOT, " ".join(command)))
    done = subprocess.run(["chroot", SYSROOT, *command], capture_output=True, text=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        log.info("program", line)
    return done.returncode


def write_storage(plan):
    write("/etc/fstab", fstab(plan))


def install_bootloader(log, kickstart, plan, uefi):
    """GRUB with a menu of one entry. Fails if the distribution did not bring GRUB, as Anaconda's would."""
    data = kickstart.data.bootloader
    if data.location == "none" or data.disabled:
        log.info("anaconda: bootloader", "the bootloader is not to be installed")
        return
    for name in ("i386-pc/core.img", "x86_64-efi/grubx64.efi") if uefi else ("i386-pc/core.img",):
        if not os.path.exists(path("/usr/lib/grub/" + name)):
            raise InstallFailed("boot loader install failed: /usr/lib/grub/%s is missing" % name)
    boot = plan.at("/boot")
    root = plan.at("/")
    prefix = "" if boot else "/boot"
    kernels = sorted(n for n in os.listdir(path("/boot")) if n.startswith("vmlinuz-"))
    entries = []
    device = root.device if root.kind == "logical" else "UUID=" + disks.filesystem(root.device, "UUID")
    words = ["root=" + device, "ro"]
    words += ["rd.lvm.lv=%s/%s" % (g.name, name) for g in plan.groups for name, _ in g.volumes]
    words += [w for w in _console_words() if w]
    words += (data.appendLine or "").split()
    for kernel in kernels:
        version = kernel.removeprefix("vmlinuz-")
        entries.append(
            "menuentry 'Linux (%s)' {\n\tlinux %s/%s %s\n\tinitrd %s/initramfs-%s.img\n}\n"
            % (version, prefix, kernel, " ".join(words), prefix, version)
        )
    timeout = data.timeout if data.timeout is not None else 0
    write("/boot/grub2/grub.cfg", "set default=0\nset timeout=%d\n%s" % (timeout, "".join(entries)), 0o600)
    write("/etc/default/grub", 'GRUB_CMDLINE_LINUX="%s"\n' % " ".join(words[2:]))

    if uefi:
        # At the place of removable media, where a firmware looks that was told nothing: no boot entry is made.
        for name in ("EFI/BOOT/BOOTX64.EFI", "EFI/redhat/grubx64.efi"):
            place = path("/boot/efi/" + name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(path("/usr/lib/grub/x86_64-efi/grubx64.efi"), place)
        return
    _write_boot_blocks(log, plan)


def _write_boot_blocks(log, plan):
    images = path("/usr/lib/grub/i386-pc")
    with open(images + "/boot.img", "rb") as f:
        boot_image = f.read()
    with open(images + "/core.img", "rb") as f:
        core = f.read()
    start = bootblock.place(plan.biosboot_start, len(core))
    if start is None:
        raise InstallFailed("boot loader install failed: core.img does not fit before the first partition")
    log.info("program", "Running in chroot '%s'... grub2-install --no-floppy /dev/%s" % (SYSROOT, plan.boot_disk))
    with open("/dev/" + plan.boot_disk, "r+b") as disk:
        disk.seek(start * SECTOR)
        disk.write(bootblock.core_image(core, start))
        disk.seek(0)
        disk.write(bootblock.boot_code(boot_image, start))
        disk.flush()
        os.fsync(disk.fileno())


def generate_initramfs(log, plan):
    """The kernel package's initrd knows partitions only; lvm2 brings what it lacks for logical volumes."""
    if not plan.groups:
        return
    addition = path("/usr/lib/initrd/lvm.img")
    for name in os.listdir(path("/boot")):
        if name.startswith("initramfs-") and os.path.exists(addition):
            log.info("program", "Running in chroot '%s'... dracut --regenerate-all --force" % SYSROOT)
            with open(path("/boot/" + name), "ab") as out, open(addition, "rb") as extra:
                # Parts of an initrd start at multiples of four bytes.
                out.write(b"\0" * (-out.tell() % 4) + extra.read())


def _console_words():
    """Anaconda keeps the console= of the installer for the installed system."""
    return [w for w in disks.read("/proc/cmdline").split() if w.startswith("console=") or w == "net.ifnames=0"]


def write_network(kickstart, cards):
    commands = kickstart.data.network.network
    for name, text in network.network_files(kickstart, cards).items():
        write("/etc/systemd/network/" + name, text)
    write("/etc/hostname", (network.hostname_of(commands) or "localhost.localdomain") + "\n")
    servers = network.nameservers(commands)
    resolv = path("/etc/resolv.conf")
    text = "".join("nameserver %s\n" % s for s in servers) or disks.read("/etc/resolv.conf") + "\n"
    if os.path.islink(resolv):
        # systemd-resolved's, in /run, which the scripts in the chroot share with the installer.
        os.makedirs("/run/systemd/resolve", exist_ok=True)
        with open("/run/systemd/resolve/stub-resolv.conf", "w", encoding="utf-8") as out:
            out.write(text)
    else:
        write("/etc/resolv.conf", text)


def write_localization(log, kickstart):
    data = kickstart.data
    zone = data.timezone.timezone
    if not os.path.exists(path("/usr/share/zoneinfo/" + zone)) and zone not in ("UTC", "Etc/UTC"):
        log.warning("anaconda: timezone", "Timezone %s set in kickstart is not valid, falling back to default (America/New_York)." % zone)
        zone = "America/New_York"
    link = path("/etc/localtime")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink("../usr/share/zoneinfo/" + zone, link)
    write("/etc/adjtime", "0.0 0 0.0\n0\n%s\n" % ("UTC" if getattr(data.timezone, "isUtc", True) else "LOCAL"))
    write("/etc/locale.conf", 'LANG="%s"\n' % (data.lang.lang or "en_US.UTF-8"))
    keymap = data.keyboard.vc_keymap or getattr(data.keyboard, "_keyboard", "") or "us"
    write("/etc/vconsole.conf", 'KEYMAP="%s"\n' % keymap)


def write_users(log, kickstart):
    data = kickstart.data
    if data.rootpw.seen:
        secret = _hashed(data.rootpw.password, data.rootpw.isCrypted)
        _set_password("root", "!" + secret if data.rootpw.lock else secret)
    else:
        _set_password("root", "!*")
    for group in data.group.groupList:
        _add_group(group.name, group.gid)
    for user in data.user.userList:
        _add_user(log, user)
    for key in data.sshkey.sshUserList:
        _add_key(log, key.username, key.key)


def _hashed(password, is_crypted):
    if not password:
        return ""
    return password if is_crypted else crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512))


def _entries(name):
    return [line.split(":") for line in read(name).splitlines() if line]


def _store(name, entries, mode):
    write(name, "".join(":".join(e) + "\n" for e in entries), mode)


def _set_password(user, secret):
    entries = _entries("/etc/shadow")
    for entry in entries:
        if entry[0] == user:
            entry[1] = secret
            break
    else:
        entries.append([user, secret, "19000", "0", "99999", "7", "", "", ""])
    _store("/etc/shadow", entries, 0o600)


def _free_id(name):
    taken = {int(e[2]) for e in _entries(name)}
    return next(i for i in range(1000, 60000) if i not in taken)


def _add_group(name, gid=None):
    groups = _entries("/etc/group")
    if any(g[0] == name for g in groups):
        return
    groups.append([name, "x", str(gid or _free_id("/etc/group")), ""])
    _store("/etc/group", groups, 0o644)


def _add_user(log, user):
    users = _entries("/etc/passwd")
    if any(u[0] == user.name for u in users):
        log.warning("anaconda: users", "User %s already exists, not creating." % user.name)
        return
    uid = user.uid if user.uid is not None else _free_id("/etc/passwd")
    _add_group(user.name, user.gid or uid)
    gid = next(g[2] for g in _entries("/etc/group") if g[0] == user.name)
    home = user.homedir or "/home/" + user.name
    users.append([user.name, "x", str(uid), gid, user.gecos or "", home, user.shell or "/bin/bash"])
    _store("/etc/passwd", users, 0o644)
    secret = _hashed(user.password, user.isCrypted) or "!"
    _set_password(user.name, "!" + secret if user.lock and secret != "!" else secret)
    os.makedirs(path(home), 0o700, exist_ok=True)
    os.chown(path(home), int(uid), int(gid))
    groups = _entries("/etc/group")
    for wanted in user.groups:
        name = re.sub(r"\s*\(.*\)$", "", wanted)
        _add_group(name)
        groups = _entries("/etc/group")
        for group in groups:
            if group[0] == name:
                group[3] = ",".join([m for m in group[3].split(",") if m] + [user.name])
        _store("/etc/group", groups, 0o644)


def _add_key(log, user, key):
    entry = next((u for u in _entries("/etc/passwd") if u[0] == user), None)
    if entry is None:
        log.warning("anaconda: users", "sshkey: user %s does not exist" % user)
        return
    home = entry[5]
    directory = path(home + "/.ssh")
    os.makedirs(directory, 0o700, exist_ok=True)
    with open(directory + "/authorized_keys", "a", encoding="utf-8") as out:
        out.write(key + "\n")
    os.chmod(directory + "/authorized_keys", 0o600)
    for name in (directory, directory + "/authorized_keys"):
        os.chown(name, int(entry[2]), int(entry[3]))


def set_services(log, kickstart):
    """Unknown services: fatal to enable, ignored to disable, as in Anaconda."""
    for name in kickstart.data.services.disabled:
        in_target(log, "systemctl", "disable", name)
    for name in kickstart.data.services.enabled:
        code = in_target(log, "systemctl", "enable", name)
        if code:
            raise InstallFailed("Error enabling service %s: %d" % (name, code))
    if kickstart.has("firewall"):
        firewall = kickstart.data.firewall
        in_target(log, "systemctl", "enable" if firewall.enabled else "disable", "firewalld")
        if firewall.enabled and os.path.isdir(path("/etc/firewalld")):
            write("/etc/firewalld/zones/public.xml", firewall_zone(firewall))
    config = path("/etc/selinux/config")
    if kickstart.has("selinux") and os.path.exists(config):
        word = {0: "disabled", 1: "enforcing", 2: "permissive"}.get(kickstart.data.selinux.selinux, "enforcing")
        write("/etc/selinux/config", re.sub(r"(?m)^SELINUX=.*$", "SELINUX=" + word, disks.read(config) + "\n"))


def firewall_zone(firewall):
    """firewalld's default zone as its own offline tool, which Anaconda calls, would leave it."""
    services = ["ssh", "dhcpv6-client", *firewall.services]
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<zone>", "  <short>Public</short>"]
    lines += ['  <service name="%s"/>' % n for n in dict.fromkeys(services) if n not in firewall.remove_services]
    for port in firewall.ports:
        number, _, protocol = port.partition(":")
        lines.append('  <port port="%s" protocol="%s"/>' % (number, protocol or "tcp"))
    return "\n".join([*lines, "</zone>", ""])


def write_repositories(kickstart):
    """What `repo --install` keeps for the installed system."""
    for repo in kickstart.data.repo.repoList:
        if not repo.install:
            continue
        lines = ["[%s]" % repo.name, "name = " + repo.name, "enabled = 1"]
        if repo.baseurl:
            lines.append("baseurl = " + repo.baseurl)
        if repo.mirrorlist:
            lines.append("mirrorlist = " + repo.mirrorlist)
        if repo.noverifyssl:
            lines.append("sslverify = 0")
        for option, names in (("excludepkgs", repo.excludepkgs), ("includepkgs", repo.includepkgs)):
            if names:
                lines.append("%s = %s" % (option, ", ".join(names)))
        if repo.cost is not None:
            lines.append("cost = %d" % repo.cost)
        write("/etc/yum.repos.d/%s.repo" % repo.name, "\n".join(lines) + "\n")


def write_machine_id():
    """systemd takes a machine without one for unconfigured, and would enable every service."""
    write("/etc/machine-id", uuid.uuid4().hex + "\n", 0o444)


def store_kickstart(text, keep_original):
    write("/root/anaconda-ks.cfg", text, 0o600)
    if keep_original:
        write("/root/original-ks.cfg", text, 0o600)


def store_logs():
    target = path("/var/log/anaconda")
    os.makedirs(target, 0o700, exist_ok=True)
    for name in os.listdir("/tmp"):
        if name.endswith(".log") and os.path.isfile("/tmp/" + name):
            shutil.copy("/tmp/" + name, target)
            os.chmod(os.path.join(target, name), 0o600)
