"""The installer's logs and its screen.

Two places, and what goes where is part of the imitation: the virtio port gets journal lines
`HH:MM:SS,mmm SEVERITY anaconda:tag: message` (rsyslog's format in the installer image), the console gets what Anaconda
shows in text mode. Files under /tmp have Anaconda's own format, with three letters for the level.
"""

import os
import sys
import time

SHORT = {"DEBUG": "DBG", "INFO": "INF", "WARNING": "WRN", "ERR": "ERR", "CRIT": "CRT"}

# Messages with one of these tags go to a file of their own; all others to anaconda.log.
FILES = {"packaging": "packaging.log", "program": "program.log", "dnf": "packaging.log", "dnf.librepo": "dnf.librepo.log"}
MODULE_FILES = {"org.fedoraproject.Anaconda.Modules.Storage": "storage.log"}


def clock(seconds):
    """`HH:MM:SS,mmm` of a time in seconds since the epoch, in the installer's own time zone."""
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + ",%03d" % (seconds * 1000 % 1000)


def journal_lines(seconds, severity, tag, message, program="anaconda"):
    """The lines that rsyslog writes for one message: only the first of several lines has a head."""
    first, *rest = (message or "").split("\n")
    return ["%s %s %s:%s: %s" % (clock(seconds), severity, program, tag, first), *rest]


class Log:
    """Writes to the virtio port (if the machine has one), to files, and to the screen."""

    def __init__(self, port=None, directory="/tmp", screen=sys.stdout):
        self.screen = screen
        # Open from the start: rpm calls back from within the installed system, where these paths mean something else.
        names = {"anaconda.log", *FILES.values(), *MODULE_FILES.values()}
        self.files = {name: open(os.path.join(directory, name), "a", encoding="utf-8") for name in names}
        self.port = None
        if port and os.path.exists(port):
            # Nobody may be listening on the other side: what does not fit is lost, and the install goes on.
            self.port = os.open(port, os.O_WRONLY | os.O_NONBLOCK)

    def _send(self, lines):
        data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
        deadline = time.monotonic() + 1
        while data and self.port is not None:
            try:
                data = data[os.write(self.port, data):]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)
            except OSError:
                return

    def write(self, severity, tag, message, program="anaconda"):
        now = time.time()
        self._send(journal_lines(now, severity, tag, message, program))
        name = MODULE_FILES.get(program) or FILES.get(tag) or FILES.get(tag.split(".")[0], "anaconda.log")
        out = self.files[name]
        out.write("%s %s %s: %s\n" % (clock(now), SHORT[severity], tag, message))
        out.flush()

    def close(self):
        for out in self.files.values():
            out.close()

    def debug(self, tag, message):
        self.write("DEBUG", tag, message)

    def info(self, tag, message):
        self.write("INFO", tag, message)

    def warning(self, tag, message):
        self.write("WARNING", tag, message)

    def error(self, tag, message):
        self.write("ERR", tag, message)

    def critical(self, tag, message):
        self.write("CRIT", tag, message)

    def show(self, text=""):
        """A line on the screen (the serial console)."""
        print(text, file=self.screen, flush=True)

    def progress(self, text):
        """A step that a person sees: on the screen and, under Anaconda's tag, in the log."""
        self.info("anaconda: progress", text)
        self.show(text)
