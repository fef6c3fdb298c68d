"""Runs the sections %pre, %pre-install, %post, %onerror and %traceback, with Anaconda's semantics and words."""

import os
import subprocess
import tempfile

from .errors import ScriptStopped

SYSROOT = "/mnt/sysimage"


def section_name(kind):
    """`%pre` and so on, for a type of pykickstart."""
    from pykickstart import constants as c

    return {
        c.KS_SCRIPT_PRE: "%pre",
        c.KS_SCRIPT_PREINSTALL: "%pre-install",
        c.KS_SCRIPT_POST: "%post",
        c.KS_SCRIPT_ONERROR: "%onerror",
        c.KS_SCRIPT_TRACEBACK: "%traceback",
    }[kind]


def run_section(log, scripts, kind, lenient=False):
    """Runs all scripts of one kind in order. `lenient` swallows every failure, as for %onerror and %traceback."""
    chosen = [script for script in scripts if script.type == kind]
    name = section_name(kind)
    if not chosen:
        return
    log.info("kickstart.script", "Running kickstart %%%s script(s)" % name)
    for script in chosen:
        # Only %post is run inside the installed system, and only if it does not say --nochroot.
        root = SYSROOT if name == "%post" and script.inChroot else "/"
        try:
            run_script(log, script, root, name)
        except (ScriptStopped, OSError):
            if not lenient:
                raise
    log.info("kickstart.script", "All kickstart %%%s script(s) have been run" % name)


def run_script(log, script, root, name):
    """Runs one script; its output goes to --log, else to a file beside the script."""
    inside = os.path.join(root, "tmp")
    os.makedirs(inside, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix="ks-script-", dir=inside)
    with os.fdopen(handle, "w") as out:
        out.write(script.script)
    os.chmod(path, 0o700)
    seen = path[len(root.rstrip("/")):]

    if script.logfile:
        # A %post --nochroot writes its log into the installer's own tree.
        log_path = os.path.join(root, script.logfile.lstrip("/"))
        os.makedirs(os.path.dirname(log_path), exist_ok=True)
    else:
        log_path = path + ".log"
    environment = {
        "PATH": "/usr/bin:/usr/sbin:/bin:/sbin:/root/bin",
        "HOME": "/root",
        "LC_ALL": "C",
        "TERM": "vt100",
    }

    def enter():
        if root != "/":
            os.chroot(root)
        os.chdir("/")

    output = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            code = subprocess.run(
                [script.interp, seen], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=environment, preexec_fn=enter, check=False,
            ).returncode
        except (OSError, subprocess.SubprocessError) as cause:
            log.error("program", "Error running %s: %s" % (script.interp, cause))
            code = 1
    finally:
        os.close(output)

    if code:
        log.error("kickstart.script", "Error code %s running the kickstart script at line %s" % (code, script.lineno))
        if script.errorOnFail:
            log_tail = _tail(log_path)
            if name == "%pre":
                # There is no user interface yet, so there is nobody to show the error to.
                raise RuntimeError("'NoneType' object has no attribute 'showError'")
            raise ScriptStopped(
                "There was an error running the kickstart script at line %s.  This is a fatal error and installation "
                "will be aborted.  The details of this error are:\n\n%s" % (script.lineno, log_tail)
            )


def _tail(path, size=4000):
    with open(path, "rb") as log_file:
        return log_file.read()[-size:].decode("utf-8", "replace")
