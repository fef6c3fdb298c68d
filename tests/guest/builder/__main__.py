"""`python3 -m builder tiny|full`: builds what is not there yet, and points `current` at it."""

import os
import shutil
import sys

from . import boot, cache, roots, stage2, stages, tiny, tree


def inputs_hash():
    """The hash of everything that decides what comes out: this folder without its tests and texts."""
    names = ("builder", "boot", "installer/standin", "installer/shims", "tiny", "full", "roles")
    return cache.digest(*(cache.HERE / n for n in names))


def main(what):
    out = cache.root() / inputs_hash()
    wanted = ["tiny", "full"] if what == "full" else ["tiny"]
    if not all((out / "tree" / name / ".treeinfo").exists() for name in wanted) or not (out / "stages").exists():
        with cache.lock("build"):
            _build(out, wanted)
    current = cache.root() / "current"
    if not current.is_symlink() or os.readlink(current) != out.name:
        link = cache.root() / (".current.%d" % os.getpid())
        link.symlink_to(out.name)
        link.rename(current)
    print("guest: %s is ready in %s" % (what, current))


def _build(out, wanted):
    root = roots.installer_root()
    boot_files = boot.installer_initrd(root, tree.PRODUCT, tree.VERSION)
    image = stage2.image(root, tree.PRODUCT, tree.VERSION)
    rpms = tiny.packages(root, tree.PRODUCT, tree.VERSION)
    trees = {"tiny": tree.part("tiny", boot_files, image, [rpms], {"core": tiny.CORE})}
    if "full" in wanted:
        from . import full

        packages = full.packages(roots.full_root(), root, tree.PRODUCT, tree.VERSION)
        trees["full"] = tree.part("full", boot_files, image, [packages], {"core": full.CORE})
    repositories = stages.repositories()
    for name, source in [*(("tree/" + n, s) for n, s in trees.items()), ("stages", repositories)]:
        final = out / name
        if final.exists():
            continue
        final.parent.mkdir(parents=True, exist_ok=True)
        work = final.parent / (".%s.tmp" % final.name)
        shutil.rmtree(work, ignore_errors=True)
        cache.link_tree(source, work)
        work.rename(final)
    cache.prune(out)


main(sys.argv[1])
