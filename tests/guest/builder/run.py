"""Runs programs: quiet if they succeed, with their output if they fail."""

import os
import subprocess
import sys


class Failed(SystemExit):
    """A program failed; its output has been printed."""


def run(*command, cwd=None, stdin=None, env=None):
    """Returns the standard output."""
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, input=stdin, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-8000:])
        raise Failed("guest: %s failed with code %d" % (" ".join(str(c) for c in command[:6]), done.returncode))
    return done.stdout


def chroot(root, *command, stdin=None):
    return run("chroot", root, *command, stdin=stdin)
