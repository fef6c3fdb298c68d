"""Collects programs with the libraries that they need."""

import os
import shutil
from pathlib import Path

from .run import run


def real(root, name):
    """The path, inside `root`, that `name` is in the end, links of directories followed (usr-merge)."""
    root = root.resolve()
    path = Path(os.path.realpath(str(root) + name)) if not (root / name.lstrip("/")).is_symlink() else None
    if path is None:
        target = os.readlink(root / name.lstrip("/"))
        joined = target if target.startswith("/") else os.path.join(os.path.dirname(name), target)
        return real(root, os.path.normpath(joined))
    return "/" + str(path.relative_to(root))


def find(root, program):
    """The path of a program of a root, by its name or path."""
    if program.startswith("/"):
        return program
    for directory in ("usr/sbin", "usr/bin"):
        if os.path.lexists(root / directory / program):
            return "/%s/%s" % (directory, program)
    raise FileNotFoundError("%s is not in %s" % (program, root))


def libraries(root, files):
    """The shared libraries (paths as the loader looks them up) that ELF files of a root need."""
    listed = run("chroot", root, "sh", "-c", 'for f; do ldd "$f" 2>/dev/null; done; true', "sh", *files)
    found = set()
    for line in listed.splitlines():
        words = line.split()
        if "=>" in words and len(words) > 2 and words[2].startswith("/"):
            found.add(words[2])
        elif words and words[0].startswith("/") and "ld-linux" in words[0]:
            found.add(words[0])
    return sorted(found)


def merged(path):
    """`/lib/…` and `/bin/…` as they are with merged /usr."""
    for short in ("/lib/", "/bin/", "/sbin/", "/lib64/"):
        if path.startswith(short):
            return "/usr" + path
    return path


def copy(root, path, target):
    """Copies one file, a library under its loader name (links followed), to the same path below `target`."""
    path = merged(path)
    source = root / real(root, path).lstrip("/")
    destination = target / path.lstrip("/")
    destination.parent.mkdir(parents=True, exist_ok=True)
    if not destination.exists():
        shutil.copy2(source, destination)


def copy_programs(root, programs, target, without=()):
    """Copies programs and their libraries; `without` are names of libraries to leave out. Returns all paths."""
    paths = [find(root, p) for p in programs]
    needed = [p for p in libraries(root, paths) if os.path.basename(p).split(".so")[0] not in without]
    for path in paths + needed:
        copy(root, path, target)
    return [merged(p) for p in paths], [merged(p) for p in needed]
