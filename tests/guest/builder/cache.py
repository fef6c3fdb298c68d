"""Parts, each kept under the hash of what it is made from: a part is either there and whole, or not there."""

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def root():
    base = os.environ.get("REKINDLE_CACHE") or os.path.join(os.environ.get("HOME", "/root"), ".cache/rekindle")
    return Path(base) / "guest"


def digest(*inputs):
    """The hash of strings and of files: a `Path` stands for its content (a directory for all in it) and its modes."""
    h = hashlib.sha256()
    for item in inputs:
        if isinstance(item, Path):
            files = [item] if item.is_file() else sorted(p for p in item.rglob("*") if p.is_file() or p.is_symlink())
            for path in files:
                if "__pycache__" in path.parts:
                    continue
                h.update(b"%s %o\0" % (str(path.relative_to(item.parent)).encode(), path.lstat().st_mode))
                h.update(os.readlink(path).encode() if path.is_symlink() else path.read_bytes())
        else:
            h.update(str(item).encode() + b"\0")
    return h.hexdigest()[:16]


@contextmanager
def lock(name):
    """One build at a time: a second one waits and then finds everything done."""
    root().mkdir(parents=True, exist_ok=True)
    with open(root() / (name + ".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def part(name, inputs, make):
    """The directory of a part. `make(directory)` fills it, if it is not there yet."""
    key = digest(*inputs)
    final = root() / "parts" / ("%s-%s" % (name, key))
    if final.is_dir():
        # The time of the last use, for `prune`.
        os.utime(final)
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    work = final.parent / (".%s.tmp" % final.name)
    if work.exists():
        shutil.rmtree(work)
    work.mkdir()
    started = time.monotonic()
    print("guest: building %s" % name, flush=True)
    try:
        make(work)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    work.rename(final)
    print("guest: built %s in %.1f s" % (name, time.monotonic() - started), flush=True)
    return final


def prune(keep, days=14):
    """Removes parts and outputs that no build has used for that long; `keep` is the output just built."""
    limit = time.time() - days * 86400
    for path in [*(root() / "parts").iterdir(), *root().glob("[0-9a-f]" * 16)]:
        if path != keep and path.is_dir() and path.stat().st_mtime < limit:
            shutil.rmtree(path, ignore_errors=True)


def link_tree(source, target):
    """Copies a tree by hard links."""
    shutil.copytree(source, target, copy_function=os.link, symlinks=True, dirs_exist_ok=True)
