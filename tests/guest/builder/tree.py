"""Puts an install tree together: .treeinfo, boot files, packages, repodata."""

import hashlib
import os
from pathlib import Path

from . import cache, rpms

PRODUCT = "Rekindle Guest Linux"
VERSION = "9.4"
TIMESTAMP = 1700000000


def treeinfo(checksums):
    """A .treeinfo as productmd wants it; `checksums` are `{path: sha256}` of the images."""
    sums = "".join("%s = sha256:%s\n" % item for item in sorted(checksums.items()))
    return (
        "[checksums]\n%s\n"
        "[general]\narch = x86_64\nfamily = %s\nname = %s %s\nplatforms = x86_64\nrepository = .\n"
        "timestamp = %d\nvariant = BaseOS\nvariants = BaseOS\nversion = %s\n\n"
        "[header]\ntype = productmd.treeinfo\nversion = 1.2\n\n"
        "[images-x86_64]\ninitrd = images/pxeboot/initrd.img\nkernel = images/pxeboot/vmlinuz\n\n"
        "[release]\nname = %s\nshort = RGL\nversion = %s\n\n"
        "[stage2]\nmainimage = images/install.img\n\n"
        "[tree]\narch = x86_64\nbuild_timestamp = %d\nplatforms = x86_64\nvariants = BaseOS\n\n"
        "[variant-BaseOS]\nid = BaseOS\nname = BaseOS\npackages = Packages\nrepository = .\ntype = variant\nuid = BaseOS\n"
    ) % (sums, PRODUCT, PRODUCT, VERSION, TIMESTAMP, VERSION, PRODUCT, VERSION, TIMESTAMP)


def assemble(out, boot_files, stage2, packages, groups):
    """Links everything into `out`; `packages` are directories of RPMs."""
    out.mkdir(parents=True)
    for source, place in (
        (boot_files / "vmlinuz", "images/pxeboot/vmlinuz"), (boot_files / "initrd.img", "images/pxeboot/initrd.img"),
        (stage2 / "install.img", "images/install.img"),
    ):
        (out / place).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, out / place)
    (out / "Packages").mkdir()
    for directory in packages:
        for rpm in directory.glob("*.rpm"):
            os.link(rpm, out / "Packages" / rpm.name)
    sums = {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in (out / "images").rglob("*") if p.is_file()}
    (out / ".treeinfo").write_text(treeinfo(sums))
    comps = out / "comps.xml"
    comps.write_text(rpms.comps(groups))
    rpms.createrepo(out, comps)
    comps.unlink()
    return out


def part(name, boot_files, stage2, packages, groups):
    """An install tree as a part of its own."""
    inputs = [Path(__file__), Path(rpms.__file__), boot_files.name, stage2.name, *(p.name for p in packages), str(groups)]
    return cache.part("tree-" + name, inputs, lambda work: assemble(work / "tree", boot_files, stage2, packages, groups)) / "tree"
