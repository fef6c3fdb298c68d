"""Runs the real ksvalidator over many kickstarts: started for each, it would spend a third of a second on getting ready.

Usage: validate.py DIRECTORY. Every file DIRECTORY/RELEASE--anything.ks is validated for RELEASE. Prints a line `FILE: problem`
for each that is refused, then `N files`.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import sys

from pykickstart.version import makeVersion

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


def check_in_child(ksvalidator, path, release):
    """In a process of its own, so that every file finds the release's grammar as new: building it is the slow part."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            for problem in problems(ksvalidator, path, release):
                print("%s: %s" % (path.name, problem), flush=True)
        except BaseException as error:
            print("%s: %r" % (path.name, error), flush=True)
        os._exit(0)
    os.waitpid(child, 0)


def main(directory):
    ksvalidator = load_ksvalidator()
    files = sorted(pathlib.Path(directory).glob("*.ks"))
    grammars = {}
    for path in files:
        release = path.name.split("--")[0].upper()
        if release not in grammars:
            grammars[release] = makeVersion(release)
        ksvalidator.makeVersion = grammars.get
        check_in_child(ksvalidator, path, release)
    print("%d files" % len(files))


main(sys.argv[1])
