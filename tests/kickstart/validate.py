"""Runs the real ksvalidator over many kickstarts in one process: a process each would cost a third of a second.

Usage: validate.py DIRECTORY. Every file DIRECTORY/RELEASE--anything.ks is validated for RELEASE. Prints a line `FILE: problem`
for each that is refused, then `N files`.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys

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


def main(directory):
    ksvalidator = load_ksvalidator()
    files = sorted(pathlib.Path(directory).glob("*.ks"))
    for path in files:
        release = path.name.split("--")[0].upper()
        for problem in problems(ksvalidator, path, release):
            print("%s: %s" % (path.name, problem))
    print("%d files" % len(files))


main(sys.argv[1])
