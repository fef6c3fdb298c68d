"""The kernel command line, as the second stage reads it. Pure."""

import shlex
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CommandLine:
    """The options that steer the installer; the initrd has already dealt with the network and the places."""

    options: dict = field(default_factory=dict)

    @classmethod
    def parse(cls, text):
        """Splits as the kernel does: words at blanks, double quotes keep blanks, the last one of a name counts."""
        options = {}
        lexer = shlex.shlex(text, posix=True)
        lexer.whitespace_split = True
        lexer.quotes = '"'
        lexer.escape = ""
        lexer.commenters = ""
        for word in lexer:
            name, _, value = word.partition("=")
            options[name] = value
        return cls(options)

    def has(self, name):
        return name in self.options

    def get(self, name, default=None):
        return self.options.get(name, default)

    @property
    def display_mode(self):
        """`cmdline` or `text` if the command line says so, else None; the kickstart's command counts after it."""
        for mode in ("cmdline", "text", "graphical"):
            if self.has("inst." + mode):
                return mode
        return None

    @property
    def never_asks(self):
        return self.has("inst.noninteractive")

    @property
    def virtio_port(self):
        return self.get("inst.virtiolog") or "org.fedoraproject.anaconda.log.0"
