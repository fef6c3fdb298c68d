"""Makes kickstarts, valid and broken, from the grammar's facts. Same seed, same documents."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "resources", "grammar"))
import introspect  # noqa: E402

# Words for arguments by where they go; what is not named here takes any of ANY.
ANY = ["x", "a1", "foo", "web1", "a,b", "", "/", "none", "0", "swap"]
WORDS = {
    "mntpoint": ["/", "/boot", "/home", "swap", "pv.01", "raid.01", "btrfs.01", "biosboot", "none", "/a//b", "x"],
    "partitions": ["pv.01", "pv.02", "raid.01", "raid.02"],
    "name": ["vg0", "root", "a", "b", ""],
    "device": ["eth0", "link", "md0", "md1", "0", "sda", ""],
    "members": ["raid.01"],
    "fstype": ["xfs", "ext4", "btrfs", "tmpfs", "swap"],
    "luks_version": ["luks1", "luks2", "luks2-hw-opal", "luks2-hw-opal-only"],
    "bridgeopts": ["priority=1", "a=1,b=2", "a", "a=b=c", "", "=1"],
    "bindto": ["mac", "MAC", "name"],
    "vlanid": ["1", "5"],
    "interfacename": ["eth0", "vlan5", "vlanx", "a.5", "a.x", "vlan.5", "a.5000", "vlan0", "vlan4095", ""],
    "teamslaves": ["p3p1", "p3p1'{\"prio\": 1}'", "a,b'x'", "'"],
    "url": ["http://x/", "https://x/", "ftp://x/", "file:///x", ""],
    "origin": ["vg/lv", "vg", "vg/", "/lv", "a/b/c", ""],
    "ntpservers": ["ntp1", "ntp1,ntp2", "", ","],
    "cache_mode": ["writeback", "writethrough", "x", ""],
    "cache_pvs": ["pv.1", "pv.1,pv.2", "", ","],
    "activation_keys": ["k1", "k1,k2", ""],
    "mode": ["sector", "x"],
    "action": ["use", "reconfigure", "x"],
    "bootDrive": ["sda", "sda,sdb", ""],
    "partition": ["sda1", "sdb1"],
    "timezone": ["UTC", "Europe/Berlin"],
    "sshkey": ["ssh-ed25519 AAAA a@b", "k"],
    "mount_opts": ["ro", "defaults"],
    "reformat": ["xfs", "ext4"],
    "root_device": ["/dev/sda1", ""],
    "drives": ["sda", "sda,sdb", "", ","],
    "ignoredisk": ["sda", "sda,sdb", "", ","],
    "onlyuse": ["sda", "", ","],
    "enabled": ["sshd", "a,b", ""],
    "disabled": ["sshd", "a,b", ""],
    "_connect": ["h", "h:1"],
    "x_layouts": ["us", "us,'cz (qwerty)'", "", ","],
    "vc_keymap": ["us", ""],
}
INTS_GOOD = ["0", "1", "5", "50", "100", "4096", "+5", "1_0", " 7 ", "-1", "101"]
INTS_BAD = ["x", "1.5", "", "1__0", "0x10", "--", "5G"]
BOOLS = ["on", "off", "Yes", "no", "TRUE", "0", "1", "maybe", ""]
JUNK = ["--foo", "--foo=bar", "-x", "--", "-5", "-5.5", "extra", "''", "\"a b\"", "--=", "-", "%x", "--no", "--a"]
COMMENT = ["", "", "", "  # note", " #", "\t"]
PACKAGES = ["@core", "@^minimal", "-vim", "-@x", "@base --nodefaults", "@base --optional", "vim # c", "-@^minimal",
            "@a --nod", "@a --nodefaults --optional", "@", "%foo", "*", "  kernel ", "@x --foo", "@ g --opt", "-x --y"]
PACKAGES_BAD = ["-", "@a --nodefaults=1", "%include", "@a --", "@a --="]
SCRIPTS = ["echo hi", "%foo", "# c", "", "echo '", "%%", " %include /tmp/x", "x %end"]
SCRIPTS_BAD = ["%include", "%end 'x", "%pre", " %packages --x"]
SECTIONS = ["%packages", "%pre", "%pre-install", "%post", "%onerror", "%traceback", "%addon", "%anaconda", "%certificate"]


class Generator:
    def __init__(self, seed, release_index):
        self.random = random.Random("%s/%s" % (seed, release_index))
        self.bit = 1 << release_index
        commands, sections = introspect.collect()
        self.rows, self.sections = commands.rows, sections.rows
        self.names = sorted(self.rows)
        self.here = [name for name in self.names if self.rows[name]["releases"] & self.bit]

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, p):
        return self.random.random() < p

    def quote(self, value):
        if self.chance(0.04):
            return self.pick(["'%s", "\"%s\"", "'%s'", "%s\\"]) % value
        if value == "" or any(c in value for c in " '\"#\\\t"):
            return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
        return value

    def value(self, fact, good):
        _, dest, _, kind, _, choices, _ = fact
        if kind == "Int":
            return self.pick(INTS_GOOD) if good or self.chance(0.6) else self.pick(INTS_BAD)
        if kind == "Bool":
            return self.pick(BOOLS[:7]) if good else self.pick(BOOLS)
        if choices and (good or self.chance(0.7)):
            word = self.pick(choices)
            return self.pick([word, word, word.upper(), word.capitalize()]) if kind == "Keyword" else word
        pool = WORDS.get(dest, ANY)
        return self.pick(pool)

    def option(self, fact, good):
        names, _, _, _, count, _, _ = fact
        name = self.pick(names)
        if self.chance(0.12):
            name = name[: self.random.randint(3, len(name))]
        if count == "Zero":
            return [name + ("=x" if not good and self.chance(0.05) else "")]
        if count == "Maybe" and self.chance(0.5):
            return [name]
        if not good and self.chance(0.05):
            return [name]
        value = self.quote(self.value(fact, good))
        return [name + "=" + value] if self.chance(0.75) else [name, value]

    def arguments(self, row, good):
        """Words for one line; options that this release has, sometimes one that it has not."""
        here = [f for f, bits in row["options"].items() if bits[0] & self.bit]
        chosen = [f for f in here if f[6] and (good or self.chance(0.93))]
        others = [f for f in here if not f[6]]
        take = min(len(others), self.pick([0, 1, 1, 2, 2, 3, 4, 6]))
        chosen += self.random.sample(others, take)
        if not good and self.chance(0.06) and row["options"]:
            chosen.append(self.pick(sorted(row["options"])))
        if chosen and self.chance(0.05):
            chosen.append(self.pick(chosen))
        groups = [self.option(f, good) for f in chosen]
        for fact, bits in sorted(row["positionals"].items()):
            if not bits[0] & self.bit:
                continue
            fact = fact[1:]
            count = {"One": 1, "Maybe": self.pick([0, 1, 1]), "Any": self.pick([0, 1, 1, 1, 2, 3])}[fact[4]]
            if not good and self.chance(0.08):
                count += self.pick([-1, 1])
            words = [self.quote(self.value(fact, good)) for _ in range(max(count, 0))]
            if self.chance(0.5):
                groups.append(words)
            else:
                groups.extend([w] for w in words)
        if self.chance(0.5):
            self.random.shuffle(groups)
        else:
            groups.reverse()
        words = [word for group in groups for word in group]
        if not good and self.chance(0.2):
            words.insert(self.random.randint(0, len(words)), self.pick(JUNK))
        return words

    def line(self, good, name=None):
        name = name or (self.pick(self.here) if self.chance(0.97) else self.pick(self.names + ["frob", "Part"]))
        row = self.rows[name] if name in self.rows else self.rows["part"]
        if name == "realm" and self.chance(0.9):
            words = self.pick([["join", "example.com"], ["join", "--no-password", "x"], ["leave"], ["join"], [],
                               ["join", "--client-software=sssd", "x"], ["join", "--bad", "x"], ["join", "x", "y"],
                               ["join", "--one-time-password", "p", "x"], ["join", "--one-time-password"],
                               ["join", "--comp=x", "r"], ["join", "--c", "r"], ["join", "--no-password=1", "r"],
                               ["join", "r", "--no-password"], ["join", "--", "r"], ["'join'", "r"]])
        elif row["options"] or row["positionals"]:
            words = self.arguments(row, good)
        else:
            words = [self.pick(["x", "--enableshadow", "'a b'"]) for _ in range(self.pick([0, 0, 0, 1, 2]))]
        return " ".join([name] + words) + self.pick(COMMENT)

    def section(self, good):
        opener = self.pick(SECTIONS) if good or self.chance(0.97) else self.pick(["%foo", "%END", "%end", "%pre-post"])
        row = self.sections.get(opener)
        words = self.arguments(row, good) if row and row["options"] else self.pick([[], ["org_x"], ["org", "--a"]])
        lines = [" ".join([opener] + words) + self.pick(COMMENT)]
        pool, bad = (PACKAGES, PACKAGES_BAD) if opener == "%packages" else (SCRIPTS, SCRIPTS_BAD)
        for _ in range(self.pick([0, 1, 2, 3])):
            lines.append(self.pick(pool) if good or self.chance(0.93) else self.pick(bad))
        if good or self.chance(0.97):
            lines.append(self.pick(["%end", "%end", "  %end", "%end # x", "%end x"]))
        return "\n".join(lines)

    def mutate(self, line):
        """One small edit somewhere in the line."""
        if not line:
            return line
        at = self.random.randrange(len(line))
        edit = self.random.randrange(5)
        if edit == 0:
            return line[:at] + line[at + 1:]
        if edit == 1:
            return line[:at] + self.pick(list(" -='\"\\#%,x1\t\u00a0\u00e9\x0b\u2028\r")) + line[at:]
        if edit == 2:
            return line[:at] + line[at:at + 1].swapcase() + line[at + 1:]
        if edit == 3:
            return line + " " + self.pick(JUNK)
        return line[:at]

    def document(self):
        kind = self.random.random()
        if kind < 0.35:
            return self.line(self.chance(0.5)) + self.pick(["\n", "\n", "", "\r\n"])
        if kind < 0.50:
            return self.mutate(self.line(True)) + "\n"
        if kind < 0.65:
            name = self.pick(self.here)
            return "".join(self.line(True, name) + "\n" for _ in range(self.pick([2, 2, 3])))
        if kind < 0.75:
            return self.section(self.chance(0.5)) + "\n"
        parts = [self.line(self.chance(0.97)) for _ in range(self.random.randint(1, 8))]
        parts += [self.section(self.chance(0.97)) for _ in range(self.pick([0, 0, 1, 2]))]
        parts += [self.pick(["", "# c", " ", "%include /tmp/x", "%include"] if self.chance(0.2) else ["", "# c"])]
        self.random.shuffle(parts)
        return self.pick(["\n", "\n", "\n", "\r\n"]).join(parts) + self.pick(["\n", ""])

    def variant(self, text, whole):
        """The text itself, or the text with a few of its lines edited, dropped, doubled or moved."""
        if whole:
            return text
        lines = text.split("\n")
        if self.chance(0.6):
            # Most of a real file away, so that one error does not hide the others.
            start = self.random.randrange(len(lines))
            lines = lines[start:start + self.random.randint(1, 12)]
        for _ in range(self.pick([0, 1, 1, 2])):
            at = self.random.randrange(len(lines))
            edit = self.random.randrange(4)
            if edit == 0:
                lines[at] = self.mutate(lines[at])
            elif edit == 1:
                del lines[at:at + 1]
            elif edit == 2:
                lines.insert(at, self.pick(lines) if lines else "")
            else:
                lines.insert(at, self.line(True))
            if not lines:
                break
        return "\n".join(lines)
