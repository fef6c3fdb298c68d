"""Scripts of a kickstart: where their output goes, and what follows a failure."""

import os
import stat
import tempfile
import unittest

from pykickstart import constants as c
from standin import scripts
from standin.errors import ScriptStopped

from .support import with_lines, read


class Recorder:
    """A log that remembers."""

    def __init__(self):
        self.lines = []

    def info(self, tag, message):
        self.lines.append("INFO %s: %s" % (tag, message))

    def error(self, tag, message):
        self.lines.append("ERR %s: %s" % (tag, message))


class Scripts(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.log = Recorder()

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run_section(self, section, body, kind, **options):
        text = with_lines("reboot", "reboot", *section.splitlines(), *body.splitlines(), "%end")
        scripts.run_section(self.log, read(text).data.scripts, kind, **options)

    def test_output_goes_to_the_log_file_which_only_root_may_read(self):
        log = self.path("out.log")
        self.run_section("%pre --log=" + log, "echo out\necho err >&2", c.KS_SCRIPT_PRE)
        with open(log, encoding="utf-8") as f:
            self.assertEqual(f.read(), "out\nerr\n")
        self.assertEqual(stat.S_IMODE(os.stat(log).st_mode), 0o600)
        self.assertEqual(self.log.lines, ["INFO kickstart.script: Running kickstart %%pre script(s)",
                                          "INFO kickstart.script: All kickstart %%pre script(s) have been run"])

    def test_a_failure_is_one_line_of_the_log_and_the_next_script_runs(self):
        done = self.path("done")
        self.run_section("%pre", "exit 3\n%%end\n%%pre\ntouch %s" % done, c.KS_SCRIPT_PRE)
        self.assertTrue(os.path.exists(done))
        self.assertIn("ERR kickstart.script: Error code 3 running the kickstart script at line 15", self.log.lines)

    def test_erroronfail_stops_with_a_dialog_except_in_pre_where_there_is_none_yet(self):
        with self.assertRaises(ScriptStopped) as caught:
            self.run_section("%pre-install --erroronfail", "echo the reason; exit 1", c.KS_SCRIPT_PREINSTALL)
        self.assertIn("There was an error running the kickstart script at line 15.", str(caught.exception))
        self.assertIn("the reason", str(caught.exception))
        with self.assertRaises(RuntimeError):
            self.run_section("%pre --erroronfail", "exit 1", c.KS_SCRIPT_PRE)

    def test_onerror_scripts_fail_without_a_consequence(self):
        done = self.path("done")
        self.run_section("%onerror --erroronfail", "exit 1\n%%end\n%%onerror --interpreter=/no/such\n%%end\n%%onerror\ntouch %s" % done,
                         c.KS_SCRIPT_ONERROR, lenient=True)
        self.assertTrue(os.path.exists(done))

    def test_another_interpreter_is_used(self):
        done = self.path("done")
        self.run_section("%pre --interpreter=/usr/bin/python3", "open(%r, 'w').write('python')" % done, c.KS_SCRIPT_PRE)
        with open(done, encoding="utf-8") as f:
            self.assertEqual(f.read(), "python")
