"""Reading: what is refused, and in which words."""

import unittest

from standin import kickstart, spokes, support
from standin.errors import InstallFailed, KickstartRejected

from .support import GOOD, read, with_lines


class Reading(unittest.TestCase):
    def check_rejected(self, text, *words):
        with self.assertRaises(KickstartRejected) as caught:
            read(text)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_a_good_kickstart_is_read_without_a_warning(self):
        found = read(GOOD)
        self.assertEqual(found.warned, [])
        self.assertEqual(kickstart.exit_action(found), "reboot")
        self.assertEqual(found.display_mode, "cmdline")

    def test_an_unknown_command_is_rejected_with_its_line(self):
        self.check_rejected(with_lines("reboot", "rebot"), "The following problem occurred on line 14", "Unknown command: rebot")

    def test_a_section_without_end_is_rejected(self):
        self.check_rejected(GOOD.replace("%end\n", ""), "%packages", "%end")

    def test_what_anaconda_checks_while_reading_is_rejected_in_its_words(self):
        for line, words in (
            ("clearpart --all --initlabel --drives=sdq", 'Disk "sdq" given in clearpart command does not exist.'),
            ("clearpart --all --initlabel --disklabel=foo", 'Disklabel "foo" given in clearpart command is not supported on this platform.'),
        ):
            with self.subTest(line=line):
                self.check_rejected(with_lines("clearpart", line), words)
        self.check_rejected(with_lines("zerombr", "zerombr", "ignoredisk --only-use=nvme0n1"),
                            'Disk "nvme0n1" given in ignoredisk command does not exist.')
        self.check_rejected(with_lines("network", "network --bootproto=dhcp --hostname=-bad_host!"),
                            "Hostname '-bad_host!' given in network kickstart command is invalid: ")

    def test_a_missing_include_is_rejected(self):
        self.check_rejected(with_lines("reboot", "%include /no/such/file", "reboot"), "Unable to open input kickstart file")

    def test_the_release_is_that_of_the_version_line_else_of_the_tree(self):
        for text, tree, release in (
            ("#version=RHEL8\n", "9.4", "RHEL8"), ("lang C\n", "10.0", "RHEL10"), ("lang C\n", "42", "F42"), ("lang C\n", None, "RHEL9"),
        ):
            self.assertEqual(kickstart.release_of(text, tree), release)

    def test_every_release_of_the_templates_has_a_handler(self):
        for release in ("RHEL8", "RHEL9", "RHEL10", "F40", "F41", "F42"):
            self.assertTrue(kickstart.handler_for(release).commandMap)

    def test_pre_scripts_are_found_in_a_file_that_is_wrong_elsewhere(self):
        found = kickstart.pre_scripts("nonsense\n%include /no/such/file\n%pre\necho hello\n%end\n%packages\n%end\n", "RHEL9")
        self.assertEqual([script.script for script in found], ["echo hello\n"])

    def test_the_anaconda_section_is_unknown_from_rhel10_on(self):
        section = GOOD + "%anaconda\n%end\n"
        read(section)
        self.check_rejected(section.replace("RHEL9", "RHEL10"), "%anaconda")


class Supported(unittest.TestCase):
    def check_refused(self, line, *words, replaced="reboot"):
        with self.assertRaises(InstallFailed) as caught:
            support.check_commands(read(with_lines(replaced, line, "reboot")))
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_a_good_kickstart_is_supported(self):
        support.check_commands(read(GOOD))

    def test_what_is_not_carried_out_is_refused_and_never_passed_over(self):
        self.check_refused("realm join example.com", "line 14", "command 'realm'")
        self.check_refused("network --device=bond0 --bondslaves=eth0,eth1 --bootproto=dhcp", "option '--bondslaves' of 'network'")
        self.check_refused("raid / --device=0 --level=1 raid.01 raid.02", "command 'raid'")
        self.check_refused("module --name=nodejs --stream=18", "command 'module'")


class Spokes(unittest.TestCase):
    def check_incomplete(self, text, *titles, storage=True, source=True):
        self.assertEqual(spokes.incomplete(read(text), storage, source), list(titles))

    def test_a_good_kickstart_leaves_nothing_to_ask(self):
        self.check_incomplete(GOOD)

    def test_each_missing_part_is_asked_for(self):
        self.check_incomplete(with_lines("timezone"), "Time settings")
        self.check_incomplete(with_lines("rootpw"), "Root password", "User creation")
        self.check_incomplete(GOOD.replace("%packages\n@core\n%end\n", ""), "Software selection")
        self.check_incomplete(GOOD, "Installation Destination", storage=False)
        self.check_incomplete(GOOD, "Installation source", "Software selection", source=False)

    def test_an_administrator_stands_in_for_the_root_password_unless_locked(self):
        self.check_incomplete(with_lines("rootpw", "user --name=ops --groups=wheel"))
        self.check_incomplete(with_lines("rootpw", "user --name=ops --groups=wheel --lock"), "Root password", "User creation")
        self.check_incomplete(with_lines("rootpw", "user --name=ops"), "Root password", "User creation")
