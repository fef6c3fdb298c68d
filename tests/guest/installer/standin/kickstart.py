"""Reads the kickstart with the real pykickstart, and says what Anaconda says when it cannot be read. Pure but for
%include files.

Two passes, as Anaconda has: first only the %pre sections (whatever else is wrong then waits), and after these have run
the whole file, which %pre may have completed by files to %include.
"""

import importlib
import re
import sys
import types
import warnings

from pykickstart import constants, version
from pykickstart.errors import KickstartError, KickstartParseError
from pykickstart.parser import KickstartParser, Script
from pykickstart.sections import NullSection, PreScriptSection

from .errors import KickstartRejected

_HOSTNAME_LABEL = re.compile(r"^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$")

# Section names that the boss of Anaconda knows; all but %pre are skipped in the first pass.
SECTIONS = ("%pre", "%pre-install", "%post", "%onerror", "%traceback", "%packages", "%addon", "%anaconda", "%certificate")


def release_of(text, tree_version):
    """The pykickstart release to read `text` by: its `#version=` line, else the version of the install tree."""
    named = re.search(r"^#version=(\S+)", text, re.MULTILINE)
    if named:
        return named.group(1)
    number = (tree_version or "9").split(".")[0]
    return ("F" if number.isdigit() and int(number) >= 27 else "RHEL") + number


def handler_for(release):
    """pykickstart's handler of a release.

    pykickstart itself would load the handlers of all releases to find one, which takes seconds on an emulated machine.
    """
    try:
        number = version.stringToVersion(release)
        module = importlib.import_module("pykickstart.handlers." + version.versionToString(number).lower())
    except (KickstartError, ImportError) as cause:
        raise KickstartRejected("The kickstart is for an unknown release: %s" % cause) from cause
    found = next(v for k, v in vars(module).items() if k.endswith("Handler") and getattr(v, "version", None) == number)
    maps = types.ModuleType("pykickstart.handlers.control")
    maps.commandMap, maps.dataMap = {number: found.commandMap}, {number: found.dataMap}
    sys.modules[maps.__name__] = maps
    return found()


class _PreParser(KickstartParser):
    """Collects the %pre sections and looks at nothing else."""

    def setupSections(self):
        self._sections = {}
        for name in SECTIONS:
            if name == "%pre":
                self.registerSection(PreScriptSection(self.handler, dataObj=Script))
            else:
                self.registerSection(NullSection(self.handler, sectionOpen=name))

    def handleCommand(self, lineno, args):
        return None


class _Parser(KickstartParser):
    """Notes the commands as they were written, for `support.check_commands`."""

    def __init__(self, handler):
        self.written = []
        super().__init__(handler)

    def setupSections(self):
        super().setupSections()
        # RHEL 10 and later releases have removed this section; Anaconda then does not know it.
        if self.handler.version >= version.RHEL10:
            del self._sections["%anaconda"]

    def handleCommand(self, lineno, args):
        self.written.append((lineno, list(args)))
        return super().handleCommand(lineno, args)


def pre_scripts(text, release):
    """The %pre scripts, whatever the rest of the file looks like."""
    handler = handler_for(release)
    parser = _PreParser(handler, missingIncludeIsFatal=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser.readKickstartFromString(text)
        except KickstartError as cause:
            raise KickstartRejected(str(cause)) from cause
    return handler.scripts


class Kickstart:
    """A kickstart that was read without an error."""

    def __init__(self, handler, written, warned):
        #: pykickstart's handler with all the data.
        self.data = handler
        #: `(line, [command, argument…])` in order, with %include files in place.
        self.written = written
        #: Texts of pykickstart's warnings (deprecated commands, duplicates).
        self.warned = warned

    def lines(self, *names):
        return [(line, args) for line, args in self.written if args[0] in names]

    def has(self, *names):
        return bool(self.lines(*names))

    @property
    def display_mode(self):
        modes = self.lines("cmdline", "text", "graphical")
        return modes[-1][1][0] if modes else None

    @property
    def never_asks(self):
        return any("--non-interactive" in args for _, args in self.lines("text", "graphical", "cmdline"))


def read(text, release, disks):
    """Reads everything.

    `disks` are the names of the machine's disks by every spelling a kickstart may use; the commands that Anaconda
    checks while it reads are checked here. Raises `KickstartRejected` with Anaconda's words.
    """
    handler = handler_for(release)
    parser = _Parser(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parser.readKickstartFromString(text)
        except KickstartError as cause:
            message = str(cause)
            if "Unable to open input kickstart file" not in message and isinstance(cause.__cause__, OSError):
                message = "Unable to open input kickstart file: %s" % cause
            raise KickstartRejected(message) from cause
        except OSError as cause:
            raise KickstartRejected("Unable to open input kickstart file: Error opening file: %s" % cause) from cause
    warned = [str(w.message) for w in caught if w.category.__module__.startswith("pykickstart")]
    found = Kickstart(handler, parser.written, warned)
    _check_reading(found, disks)
    return found


def _check_reading(kickstart, disks):
    """What Anaconda's modules reject at reading time though pykickstart accepts it."""
    data = kickstart.data

    def reject(command, message):
        lines = kickstart.lines(command)
        raise KickstartRejected(str(KickstartParseError(message, lineno=lines[-1][0] if lines else 0)))

    label = getattr(data.clearpart, "disklabel", "")
    if label and label not in ("msdos", "gpt"):
        reject("clearpart", 'Disklabel "%s" given in clearpart command is not supported on this platform.' % label)
    for command, names in (
        ("clearpart", data.clearpart.drives),
        ("ignoredisk", list(data.ignoredisk.onlyuse) + list(data.ignoredisk.ignoredisk)),
    ):
        for name in names:
            if name not in disks:
                reject(command, 'Disk "%s" given in %s command does not exist.' % (name, command))
    for name in data.clearpart.devices:
        if name.removeprefix("/dev/") not in disks and not re.match(r"^(/dev/)?[a-z]+\d+$", name):
            reject("clearpart", 'Device "%s" given in clearpart device list does not exist.' % name)

    for network in data.network.network:
        problem = hostname_problem(network.hostname) if network.hostname else None
        if problem:
            reject(
                "network", "Hostname '%s' given in network kickstart command is invalid: %s" % (network.hostname, problem)
            )


def hostname_problem(name):
    """Why Anaconda would not take a host name, or None."""
    if len(name) > 64:
        return "Host name must be 64 or fewer characters in length."
    if name.endswith("."):
        return "Host name must not end with period '.'."
    if not all(_HOSTNAME_LABEL.match(label) for label in name.split(".")):
        return (
            "Host names can only contain the characters 'a-z', 'A-Z', '0-9', '-', or '.', parts between periods must "
            "contain something and cannot start or end with '-'."
        )
    return None


def exit_action(kickstart):
    """What follows a finished install: `reboot`, `poweroff`, `halt`, or None if no command says it."""
    names = {"reboot": "reboot", "poweroff": "poweroff", "shutdown": "poweroff", "halt": "halt"}
    lines = kickstart.lines(*names)
    return names[lines[-1][1][0]] if lines else None


def scripts_of(kickstart, kind):
    return [script for script in kickstart.data.scripts if script.type == kind]


__all__ = [
    "Kickstart", "constants", "exit_action", "handler_for", "hostname_problem", "pre_scripts", "read", "release_of",
    "scripts_of",
]
