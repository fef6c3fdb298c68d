"""The ways in which an installation ends early, one class for each way Anaconda treats differently."""


class KickstartRejected(Exception):
    """The kickstart cannot be read: printed, ten seconds of sleep, then nothing ever again (no %onerror, no reboot)."""


class InstallFailed(Exception):
    """Anything that goes wrong later: logged, %onerror and %traceback, 180 seconds, then a reboot."""


class NonInteractive(InstallFailed):
    """Something that Anaconda would ask about, in a mode that must not ask."""


class SpokesIncomplete(NonInteractive):
    """Mandatory parts of the kickstart are missing."""


class ScriptStopped(Exception):
    """A script with --erroronfail failed: a dialog waits for ENTER for ever, and %onerror does not run."""
