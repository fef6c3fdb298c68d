"""Network files, added packages, .treeinfo, the kernel command line, log lines."""

import configparser
import os
import tempfile
import time
import unittest

from standin import network, payload, requirements
from standin.cmdline import CommandLine
from standin.log import Log, journal_lines

from .support import GOOD, plan, read, with_lines

CARDS = [("enp1s0", "52:54:00:00:00:01"), ("enp2s0", "52:54:00:00:00:02")]


class Network(unittest.TestCase):
    def check_file(self, line, *expected):
        (text,) = network.network_files(read(with_lines("network", line)), CARDS).values()
        for wanted in expected:
            self.assertIn(wanted, text.splitlines())
        return text

    def test_dhcp_on_the_first_card(self):
        self.check_file("network --bootproto=dhcp --device=link", "MACAddress=52:54:00:00:00:01", "DHCP=ipv4", "IPv6AcceptRA=yes")

    def test_a_static_address_by_mac(self):
        self.check_file(
            "network --device=52:54:00:00:00:02 --bootproto=static --ip=10.0.0.5 --netmask=255.255.254.0 --gateway=10.0.0.1 "
            "--nameserver=10.0.0.2,10.0.0.3 --noipv6",
            "MACAddress=52:54:00:00:00:02", "DHCP=no", "Address=10.0.0.5/23", "Gateway=10.0.0.1", "DNS=10.0.0.2", "DNS=10.0.0.3", "IPv6AcceptRA=no",
        )

    def test_ipv6_alone(self):
        text = self.check_file(
            "network --device=enp2s0 --noipv4 --ipv6=fd00::5/64 --ipv6gateway=fd00::1", "Name=enp2s0", "Address=fd00::5/64", "Gateway=fd00::1",
            "DHCP=no",
        )
        self.assertNotIn("10.", text)

    def test_no_default_route(self):
        text = self.check_file("network --device=link --bootproto=static --ip=10.0.0.5 --netmask=255.0.0.0 --gateway=10.0.0.1 --nodefroute",
                               "Address=10.0.0.5/8")
        self.assertNotIn("Gateway=10.0.0.1", text)

    def test_a_line_for_the_host_name_alone_configures_no_card(self):
        found = read(with_lines("network", "network --hostname=a.example"))
        self.assertEqual(network.network_files(found, CARDS), {})
        self.assertEqual(network.hostname_of(found.data.network.network), "a.example")


class Requirements(unittest.TestCase):
    def check_added(self, text, *names):
        found = read(text)
        self.assertEqual(requirements.added_packages(found, plan(text)), list(names))

    def test_the_boot_loader_and_the_file_systems_are_always_needed(self):
        self.check_added(GOOD, "grub2", "grub2-tools", "e2fsprogs", "xfsprogs")

    def test_commands_bring_their_packages(self):
        self.check_added(with_lines("timesource", "firewall --enabled"), "chrony", "firewalld", "grub2", "grub2-tools", "e2fsprogs", "xfsprogs")

    def test_an_exclusion_takes_a_requirement_away(self):
        text = with_lines("timesource").replace("@core\n", "@core\n-chrony\n")
        self.check_added(text, "grub2", "grub2-tools", "e2fsprogs", "xfsprogs")

    def test_specs_are_in_anacondas_order(self):
        text = GOOD.replace("@core\n", "vim\n@web --optional\n@^server\n-nano\n")
        self.assertEqual(requirements.wanted_specs(read(text).data.packages),
                         (["@^server", "@core", "@web/mandatory,default,optional", "vim"], ["nano"]))

    def test_nocore_excludes_the_core_group(self):
        text = GOOD.replace("%packages\n@core", "%packages --nocore\nvim")
        self.assertEqual(requirements.wanted_specs(read(text).data.packages), (["vim"], ["@core"]))


class Tree(unittest.TestCase):
    HEAD = "[header]\ntype = productmd.treeinfo\nversion = 1.2\n[release]\nname = X\nversion = 9.4\n"
    TREE = "[tree]\narch = x86_64\nplatforms = x86_64\nbuild_timestamp = 1\nvariants = BaseOS,AppStream\n"
    BASE = "[variant-BaseOS]\nid = BaseOS\nuid = BaseOS\nname = BaseOS\ntype = variant\nrepository = BaseOS/os\n"
    APPS = "[variant-AppStream]\nid = AppStream\nuid = AppStream\nname = AppStream\ntype = variant\nrepository = AppStream\n"

    def test_the_base_repository_is_that_of_the_base_variant(self):
        tree = payload.parse_tree("http://x/y", self.HEAD + self.TREE + self.BASE + self.APPS)
        self.assertEqual((tree.url, tree.version, tree.optional), ("http://x/y/BaseOS/os", "9.4", {"AppStream": "http://x/y/AppStream"}))

    def test_a_malformed_tree_is_no_less_than_an_unhandled_exception(self):
        for text, error in (
            (self.HEAD, configparser.NoSectionError), (self.HEAD + self.TREE, configparser.NoSectionError),
            (self.HEAD + self.TREE + self.BASE.replace("repository = BaseOS/os\n", "") + self.APPS, TypeError),
        ):
            with self.assertRaises(error):
                payload.parse_tree("http://x/y", text)

    def test_an_old_style_tree_is_understood(self):
        text = "[general]\nname = X\nfamily = X\nversion = 8.9\narch = x86_64\nvariant =\nrepository = .\ntimestamp = 1\n"
        self.assertEqual(payload.parse_tree("http://x", text).url, "http://x")


class Output(unittest.TestCase):
    def test_a_journal_line_has_the_format_of_the_virtio_port(self):
        (line,) = journal_lines(0.25, "INFO", "anaconda: progress", "Configuring storage")
        self.assertEqual(line, time.strftime("%H:%M:%S", time.localtime(0)) + ",250 INFO anaconda:anaconda: progress: Configuring storage")

    def test_only_the_first_of_several_lines_has_a_head(self):
        head, second = journal_lines(0, "CRIT", "exception", "Traceback (most recent call last):\n  File")
        self.assertTrue(head.endswith("CRIT anaconda:exception: Traceback (most recent call last):"))
        self.assertEqual(second, "  File")

    def test_the_log_goes_to_the_port_and_to_the_file_of_its_tag(self):
        with tempfile.TemporaryDirectory() as directory:
            port = os.path.join(directory, "port")
            open(port, "w").close()
            log = Log(port, directory)
            log.info("packaging", "Downloading packages finished.")
            log.close()
            with open(port, encoding="utf-8") as f:
                self.assertRegex(f.read(), r"^\d\d:\d\d:\d\d,\d{3} INFO anaconda:packaging: Downloading packages finished\.\n$")
            with open(os.path.join(directory, "packaging.log"), encoding="utf-8") as f:
                self.assertRegex(f.read(), r"^\d\d:\d\d:\d\d,\d{3} INF packaging: Downloading")

    def test_the_command_line_keeps_quoted_blanks_and_the_last_of_a_name(self):
        line = CommandLine.parse('inst.ks=http://a inst.ks=http://b inst.cmdline console=ttyS0 foo="a b"')
        self.assertEqual((line.get("inst.ks"), line.get("foo"), line.display_mode), ("http://b", "a b", "cmdline"))
