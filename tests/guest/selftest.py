"""Installs the guest from a handwritten kickstart in a bare qemu (user-mode network, emulation), boots it from its disk,
waits for its first-boot callback, asks its web server, and turns it off by its power button.

Run through selftest.sh. Every wait has a deadline; a failure prints the tail of the console and leaves the files.
"""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

GUEST = Path(os.environ.get("REKINDLE_CACHE") or Path.home() / ".cache/rekindle") / "guest/current"
SCALE = {"tiny": 1, "full": 6}

KICKSTART = """\
#version=RHEL9
cmdline
url --url=http://10.0.2.2:{port}/tree
repo --name=stage --baseurl=http://10.0.2.2:{port}/stages/stable --cost=10
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
timesource --ntp-disable
network --bootproto=dhcp --device=link --hostname=web1.example.test --activate
rootpw --lock
user --name=ops --groups=wheel --password=secret --plaintext
firewall --enabled --service=ssh --port=8080:tcp
selinux --permissive
firstboot --disable
skipx
zerombr
ignoredisk --only-use=vda
{layout}
bootloader --location=mbr --append="console=ttyS0,115200"
reboot

%pre --log=/tmp/pre.log
curl -fsS --retry 3 -X POST --data-binary pre http://10.0.2.2:{port}/stage/pre
%end

%packages --excludedocs
@core
shop-web
qemu-guest-agent
{packages}%end

%post --log=/root/ks-post.log --erroronfail
set -eu
curl -f -s -S --retry 3 --retry-connrefused --connect-timeout 10 --max-time 60 -X POST --data-binary "$(rpm -qa --qf '%{{NAME}} %{{VERSION}}-%{{RELEASE}}\\n' | sort)" http://10.0.2.2:{port}/stage/post
cat >/etc/systemd/system/first-boot.service <<'UNIT'
[Unit]
Description=Reports the first boot
After=network-online.target
Wants=network-online.target
ConditionPathExists=!/var/lib/first-boot.done

[Service]
Type=oneshot
Environment="WORD=hello there"
ExecStart=/usr/local/sbin/first-boot "${{WORD}}"
Restart=on-failure
RestartSec=2
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
UNIT
mkdir -p /usr/local/sbin
cat >/usr/local/sbin/first-boot <<'SCRIPT'
#!/bin/sh
set -eu
{{ echo "$1"; cat /etc/hostname; blkid; cat /etc/fstab; rpm -q shop-web; }} >/run/first-boot.txt
curl -fsS --retry 5 --retry-connrefused -X POST --data-binary @/run/first-boot.txt http://10.0.2.2:{port}/stage/first-boot
{first_boot}touch /var/lib/first-boot.done
SCRIPT
chmod 755 /usr/local/sbin/first-boot
systemctl enable first-boot.service
%end

%post --nochroot
test -s /mnt/sysimage/etc/fstab
%end
"""

# What the distributions have beyond the common part: packages, and lines of the first-boot script.
EXTRAS = {
    "tiny": ("", ""),
    "full": ("puppet-agent\n", """\
puppet apply --detailed-exitcodes -e 'file {{ "/etc/made-by-puppet": content => "yes" }}' || [ $? = 2 ]
curl -fsS -X POST --data-binary @/etc/made-by-puppet http://10.0.2.2:{port}/stage/puppet
"""),
}

LAYOUTS = {
    "plain": """\
clearpart --all --initlabel --drives=vda
part /boot --fstype=ext4 --size=200 --ondisk=vda
part swap --size=64 --ondisk=vda
part / --fstype=xfs --size=600 --grow --ondisk=vda --label=root""",
    "lvm": """\
clearpart --all --initlabel --disklabel=gpt --drives=vda
part biosboot --fstype=biosboot --size=1 --ondisk=vda
part /boot --fstype=xfs --size=300 --ondisk=vda
part pv.01 --size=1 --grow --ondisk=vda
volgroup system pv.01
logvol swap --vgname=system --name=swap --fstype=swap --size=64
logvol / --vgname=system --name=root --fstype=xfs --size=256 --grow""",
}

LAYOUTS["uefi"] = """\
clearpart --all --initlabel --drives=vda
part /boot/efi --fstype=efi --size=64 --ondisk=vda
part /boot --fstype=ext4 --size=200 --ondisk=vda
part / --fstype=ext4 --size=600 --grow --ondisk=vda"""

# What the log must have, in this order.
LOG_ORDER = [
    r"^\d\d:\d\d:\d\d,\d{3} INFO anaconda:kickstart\.script: Running kickstart %%pre script\(s\)$",
    r"INFO anaconda:installation: Queue started: .* \(1/\d+\)$",
    r"INFO anaconda:anaconda: progress: Setting up the installation environment$",
    r"INFO anaconda:anaconda: progress: Configuring storage$",
    r"INFO anaconda:anaconda: progress: Creating disklabel on /dev/vda$",
    r"INFO anaconda:anaconda: progress: Creating (xfs|ext4) on /dev/\S+$",
    r"INFO anaconda:packaging: \d+ packages selected totalling ",
    r"INFO anaconda:packaging: Downloading packages finished\.$",
    r"anaconda:packaging: Installed: kernel-\S+ \d+ [0-9a-f]{64}$",
    r"INFO anaconda:anaconda: progress: Installing boot loader$",
    r"INFO anaconda:kickstart\.script: All kickstart %%post script\(s\) have been run$",
    r"INFO anaconda:installation: All tasks in the installation queue are done\. Installation successfully finished\.$",
]


class Server(http.server.ThreadingHTTPServer):
    """Serves the tree, the stages and the kickstart; remembers every request and every POST body."""

    def __init__(self, name, layout):
        super().__init__(("127.0.0.1", 0), Handler)
        self.roots = {"/tree/": GUEST / "tree" / name, "/stages/": GUEST / "stages"}
        self.requests, self.posts = [], {}
        self.changed = threading.Condition()
        packages, script = EXTRAS[name]
        self.kickstart = KICKSTART.format(
            port=self.server_port, layout=LAYOUTS[layout], packages=packages, first_boot=script.format(port=self.server_port))
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, body=b""):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        if self.path == "/ks.cfg":
            return self.answer(200, self.server.kickstart.encode())
        for prefix, root in self.server.roots.items():
            if self.path.startswith(prefix):
                path = (root / urllib.parse.unquote(self.path).removeprefix(prefix)).resolve()
                if path.is_file() and GUEST.resolve() in path.parents:
                    return self.answer(200, path.read_bytes())
        return self.answer(404)

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with self.server.changed:
            self.server.posts[self.path.rsplit("/", 1)[1]] = body
            self.server.changed.notify_all()
        self.answer(204)

    def log_message(self, *args):
        pass


class Machine:
    """One qemu process."""

    def __init__(self, work, name, arguments, memory, cpus=2):
        self.console = work / (name + ".console")
        self.monitor = work / (name + ".qmp")
        self.console.touch()
        self.started = time.monotonic()
        self.process = subprocess.Popen([
            "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", str(memory), "-smp", str(cpus), "-display", "none", "-no-user-config",
            "-nodefaults", "-serial", "file:%s" % self.console, "-qmp", "unix:%s,server=on,wait=off" % self.monitor,
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", "file,id=log,path=%s" % (work / (name + ".log")),
            "-device", "virtserialport,chardev=log,name=org.fedoraproject.anaconda.log.0",
            "-chardev", "socket,id=agent,path=%s,server=on,wait=off" % (work / (name + ".agent")),
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            "-drive", "if=none,id=disk,file=%s,format=raw,cache=unsafe" % (work / "disk.img"),
            "-device", "pcie-root-port,id=port1,chassis=1", "-device", "pcie-root-port,id=port2,chassis=2",
            "-device", "virtio-blk-pci,drive=disk,bus=port2,serial=root", *arguments,
        ])

    def took(self):
        return time.monotonic() - self.started

    def press_power(self):
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.connect(str(self.monitor))
            stream = qmp.makefile("rw")
            stream.readline()
            for command in ("qmp_capabilities", "system_powerdown"):
                stream.write(json.dumps({"execute": command}) + "\n")
                stream.flush()
                stream.readline()

    def ask_agent(self):
        """The host name that the guest agent tells; the agent may still be starting."""
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(60)
            agent.connect(str(self.monitor).removesuffix(".qmp") + ".agent")
            agent.sendall(b'{"execute": "guest-get-host-name"}\n')
            return json.loads(agent.makefile().readline())["return"]["host-name"]

    def wait(self, seconds):
        self.process.wait(max(seconds, 1))

    def peak_memory(self):
        status = Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024


def expect(good, message):
    if not good:
        raise AssertionError(message)


def check_log(text):
    position, lines = 0, text.splitlines()
    for pattern in LOG_ORDER:
        while position < len(lines) and not re.search(pattern, lines[position]):
            position += 1
        expect(position < len(lines), "the installer's log has no line (any more) like %s" % pattern)


def show_phases(text):
    """How long each part of the installation took, by the clock of the guest."""
    for name, seconds in re.findall(r"Queue completed: (.*) \(\d+/\d+\) \((\S+) s\)", text):
        if float(seconds) >= 0.2:
            print("    %6.1f s  %s" % (float(seconds), name))
    first, start = (re.search(p, text, re.M) for p in (r"^(\d\d):(\d\d):(\S+) INFO anaconda:anaconda: main", r"^(\d\d):(\d\d):(\S+) .*Queue started"))
    clock = [int(m[1]) * 3600 + int(m[2]) * 60 + float(m[3].replace(",", ".")) for m in (first, start)]
    print("    %6.1f s  from the start of the installer to its first task" % (clock[1] - clock[0]))


def check_requests(requests):
    paths = [path for path, _ in requests]
    expect(paths.count("/ks.cfg") == 1, "the kickstart was fetched %d times, not once" % paths.count("/ks.cfg"))
    for path in ("/tree/.treeinfo", "/tree/images/install.img", "/tree/images/updates.img", "/tree/images/product.img"):
        expect(path in paths, "nobody asked for " + path)
    headers = next(headers for path, headers in requests if path == "/ks.cfg")
    expect(headers.get("X-Anaconda-Architecture") == "x86_64", "no X-Anaconda-Architecture on the kickstart's request")
    expect("X-Anaconda-System-Release" in headers, "no X-Anaconda-System-Release on the kickstart's request")
    expect(re.match(r"\w+ 52:54:00:", headers.get("X-RHN-Provisioning-MAC-0", "")), "no X-RHN-Provisioning-MAC-0")


def selftest(name, layout, work):
    scale = SCALE[name]
    memory = int(os.environ.get("MEMORY", 512 if name == "tiny" else 1024))
    server = Server(name, layout)
    with open(work / "disk.img", "wb") as disk:
        disk.truncate(4 << 30)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web_port = free.getsockname()[1]
    card = ["-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:%d-:8080" % web_port, "-device", "virtio-net-pci,netdev=net,bus=port1"]
    if layout == "uefi":
        card += ["-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd", "-drive",
                 "if=pflash,format=raw,file=%s" % shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", work)]
    # One: with two, QEMU 10.0 under emulation sometimes aborts (iotlb_to_section) while the guest sets up its PCI devices.
    cpus = int(os.environ.get("CPUS", 1))
    boot = GUEST / "tree" / name / "images/pxeboot"
    install = Machine(work, "install", [
        *card, "-no-reboot", "-kernel", str(boot / "vmlinuz"), "-initrd", str(boot / "initrd.img"), "-append",
        "console=ttyS0,115200 quiet panic=-1 inst.ks=http://10.0.2.2:%d/ks.cfg inst.stage2=http://10.0.2.2:%d/tree inst.cmdline "
        "inst.ks.sendmac inst.nosave=all ip=dhcp" % (server.server_port, server.server_port),
    ], memory, cpus)
    try:
        deadline = 240 * scale
        while install.process.poll() is None and install.took() < deadline:
            peak = install.peak_memory() if install.process.poll() is None else 0
            if "installer will now terminate" in install.console.read_text(errors="replace"):
                raise AssertionError("the installer failed")
            time.sleep(0.5)
        expect(install.process.poll() is not None, "no end of the installation after %d s" % deadline)
        expect(install.process.returncode == 0, "qemu ended during the installation with code %d" % install.process.returncode)
        print("installed in %.1f s (guest memory %d MiB, qemu peak %d MiB)" % (install.took(), memory, peak))
    finally:
        install.process.kill()
        install.process.wait()
    log = (work / "install.log").read_text(errors="replace")
    show_phases(log)
    check_log(log)
    check_requests(server.requests)
    expect(server.posts.get("pre") == "pre", "%pre did not report")
    expect("shop-web 1.0-1" in server.posts.get("post", "").splitlines(), "%%post did not report the packages, but: %r" % server.posts)

    disk_boot = Machine(work, "boot", [*card, "-boot", "c"], memory, cpus)
    try:
        with server.changed:
            while "first-boot" not in server.posts and disk_boot.process.poll() is None and disk_boot.took() < 120 * scale:
                server.changed.wait(1)
        expect(disk_boot.process.poll() is None, "qemu ended during the first boot with code %s" % disk_boot.process.poll())
        expect("first-boot" in server.posts, "no callback from the first boot")
        print("first-boot callback after %.1f s" % disk_boot.took())
        report = server.posts["first-boot"]
        for text in ("hello there", "web1.example.test", "shop-web-1.0-1.noarch", "UUID="):
            expect(text in report, "the first boot's report has no '%s':\n%s" % (text, report))
        health = urllib.request.urlopen("http://127.0.0.1:%d/health" % web_port, timeout=30).read().decode()
        expect(disk_boot.ask_agent() == "web1.example.test", "the guest agent told another host name")
        print("the guest agent answered after %.1f s" % disk_boot.took())
        if EXTRAS[name][1]:
            with server.changed:
                while "puppet" not in server.posts and disk_boot.process.poll() is None and disk_boot.took() < 120 * scale:
                    server.changed.wait(1)
            expect(server.posts.get("puppet") == "yes", "Puppet did not report")
            print("Puppet applied after %.1f s" % disk_boot.took())
        expect(health == "ok shop-web 1.0-1 on web1.example.test\n", "shop-web answered %r" % health)
        print("shop-web answered after %.1f s" % disk_boot.took())
        before = time.monotonic()
        disk_boot.press_power()
        disk_boot.wait(60 * scale)
        print("powered off in %.1f s" % (time.monotonic() - before))
    finally:
        disk_boot.process.kill()
        disk_boot.process.wait()


def main():
    name, layout = sys.argv[1:3]
    if not (GUEST / "tree" / name / ".treeinfo").exists():
        sys.exit("selftest: %s is missing: run tests/guest/build.sh %s first" % (GUEST / "tree" / name, name))
    work = Path(tempfile.mkdtemp(prefix="rekindle-guest-"))
    started = time.monotonic()
    try:
        selftest(name, layout, work)
    except (AssertionError, subprocess.TimeoutExpired, OSError) as problem:
        for console in sorted(work.glob("*.console")):
            print("--- tail of %s" % console, *console.read_text(errors="replace").splitlines()[-40:], sep="\n")
        sys.exit("selftest: FAILED: %s (files are kept in %s)" % (problem, work))
    shutil.rmtree(work)
    print("selftest: ok, %.1f s in all" % (time.monotonic() - started))


if __name__ == "__main__":
    main()
