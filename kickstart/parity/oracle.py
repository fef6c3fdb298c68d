"""What pykickstart says about a kickstart: A(ccepted), D(eprecated) or R(ejected).

The verdict is ksvalidator's: every error rejects, and so does every warning that is not a deprecation
(something defined twice). ksvalidator ends with a failure for a deprecation too; it is told apart here,
since Anaconda goes on after one. Handlers are built once for each release; after each document the
commands it used are replaced by fresh ones, which a sample of documents proves against ksvalidator itself.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import warnings

from pykickstart.errors import KickstartDeprecationWarning, KickstartParseWarning
from pykickstart.parser import KickstartParser, Packages
from pykickstart.version import makeVersion


class Oracle:
    def __init__(self, release):
        self.release = release.upper()
        self.handler = makeVersion(self.release)
        self.names = {}
        for name, command in self.handler.commands.items():
            self.names.setdefault(id(command), []).append(name)

    def _refresh(self):
        """Replace what a document has touched."""
        handler = self.handler
        for command in {id(c): c for c in handler.commands.values()}.values():
            if not command.seen:
                continue
            names = self.names.pop(id(command))
            handler.resetCommand(names[0])
            fresh = handler.commands[names[0]]
            for name in names[1:]:
                handler.commands[name] = fresh
            self.names[id(fresh)] = names
        handler.packages = Packages()
        handler.scripts = []
        handler.certificates = []
        handler._null_section_strings = []

    def judge(self, text):
        """The verdict and the first error's words."""
        if not text.strip():
            return "R", "empty file"
        errors = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", category=KickstartParseWarning)
            warnings.filterwarnings("always", category=KickstartDeprecationWarning)
            parser = KickstartParser(self.handler, followIncludes=False, errorsAreFatal=False)
            parser._tryFunc = lambda call: _collect(call, errors)
            _collect(lambda: parser.readKickstartFromString(text), errors)
        self._refresh()
        if errors:
            return "R", errors[0]
        if any(issubclass(w.category, KickstartDeprecationWarning) for w in caught):
            return "D", ""
        return "A", ""


def _collect(call, errors):
    try:
        call()
    except Exception as error:  # a crash of pykickstart is a rejection for ksvalidator too
        errors.append("%s: %s" % (type(error).__name__, " ".join(str(error).split())))


def ksvalidator(release, text):
    """True if the real ksvalidator accepts the text: the check on this file's shortcuts."""
    path = os.path.join(os.path.dirname(sys.executable), "ksvalidator")
    loader = importlib.machinery.SourceFileLoader("ksvalidator", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ksvalidator", loader))
    loader.exec_module(module)
    with tempfile.NamedTemporaryFile("w", suffix=".ks", newline="", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), \
                contextlib.redirect_stderr(io.StringIO()):
            code, _ = module.main(["-v", release.upper(), handle.name])
    return code == 0
