"""Runs the real ksvalidator over many kickstarts in one process: a process each would cost a third of a second.

Usage: validate.py DIRECTORY. Every file DIRECTORY/RELEASE--anything.ks is validated for RELEASE. Prints a line `FILE: problem`
for each that is refused, then `N files`. Writes the scripts of each as DIRECTORY/FILE.SECTION.N.sh, for a look at them with
other tools.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys

from pykickstart import constants
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

SECTIONS = {
    constants.KS_SCRIPT_PRE: "pre",
    constants.KS_SCRIPT_PREINSTALL: "pre-install",
    constants.KS_SCRIPT_POST: "post",
    constants.KS_SCRIPT_ONERROR: "onerror",
    constants.KS_SCRIPT_TRACEBACK: "traceback",
}


def load_ksvalidator():
    """The program itself, beside this interpreter, as a module."""
    path = str(pathlib.Path(sys.executable).parent / "ksvalidator")
    loader = importlib.machinery.SourceFileLoader("ksvalidator", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ksvalidator", loader))
    loader.exec_module(module)
    return module


def problems(ksvalidator, path, release):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status, messages = ksvalidator.main(["--version", release, str(path)])
    if status:
        lines = [line for line in printed.getvalue().splitlines() if line and not line.startswith("Checking kickstart file")]
        yield " / ".join(lines + messages) or "refused with status %d" % status


def write_scripts(path, release):
    handler = makeVersion(release)
    KickstartParser(handler).readKickstart(str(path))
    for number, script in enumerate(handler.scripts):
        (path.parent / ("%s.%s.%d.sh" % (path.name, SECTIONS[script.type], number))).write_text(script.script)


def main(directory):
    ksvalidator = load_ksvalidator()
    files = sorted(pathlib.Path(directory).glob("*.ks"))
    for path in files:
        release = path.name.split("--")[0].upper()
        refused = list(problems(ksvalidator, path, release))
        for problem in refused:
            print("%s: %s" % (path.name, problem))
        if not refused:
            write_scripts(path, release)
    print("%d files" % len(files))


main(sys.argv[1])
