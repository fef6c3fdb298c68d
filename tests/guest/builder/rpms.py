"""Makes RPM packages out of a prepared tree, through one spec for all of them."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .run import run

_HEAD = """\
%define _unpackaged_files_terminate_build 0
%define debug_package %{nil}
%define __os_install_post %{nil}
%define _build_id_links none
%global _binary_payload w3.zstdio
%global _source_payload w3.zstdio
%global _buildhost localhost
%global source_date_epoch_from_changelog 0
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
"""


@dataclass
class Package:
    """One package; `files` are lines of a %files list (paths, `%dir …`, `%config(noreplace) …`)."""

    name: str
    files: list
    summary: str
    version: str = "1.0"
    release: str = "1"
    noarch: bool = False
    requires: list = field(default_factory=list)
    provides: list = field(default_factory=list)
    #: `{"post": "text", "preun": …}`
    scriptlets: dict = field(default_factory=dict)
    license: str = "Apache-2.0 OR MIT"


def spec_text(packages, lists):
    """The spec: an unbuilt main package and a subpackage for each; `lists` is where the %files lists are."""
    out = [_HEAD, "Name: rekindle-guest\nVersion: 1\nRelease: 1\nSummary: unbuilt\nLicense: Apache-2.0 OR MIT\n%description\nNot built.\n"]
    for p in packages:
        out.append("%%package -n %s\nSummary: %s\nVersion: %s\nRelease: %s\nLicense: %s\nAutoReqProv: no" % (
            p.name, p.summary, p.version, p.release, p.license))
        if p.noarch:
            out.append("BuildArch: noarch")
        out += ["Requires: " + r for r in p.requires] + ["Provides: " + r for r in p.provides]
        out.append("%%description -n %s\n%s.\n" % (p.name, p.summary))
        for name, text in p.scriptlets.items():
            out.append("%%%s -n %s\n%s\n" % (name, p.name, text))
        out.append("%%files -n %s -f %s/%s\n%%defattr(-,root,root,-)\n" % (p.name, lists, p.name))
    return "\n".join(out) + "\n"


def build(packages, tree, out):
    """Builds all packages from the files in `tree`; the RPMs end in `out`."""
    out = Path(out)
    work = out.parent / (out.name + ".rpmbuild")
    (work / "lists").mkdir(parents=True)
    out.mkdir(exist_ok=True)
    for p in packages:
        (work / "lists" / p.name).write_text("\n".join(p.files) + "\n")
    spec = work / "guest.spec"
    spec.write_text(spec_text(packages, work / "lists"))
    run(
        "rpmbuild", "-bb", "--quiet", "--noclean", "--define", "_topdir %s" % work, "--define", "_rpmdir %s" % (work / "rpms"),
        "--define", "_dbpath %s" % (work / "db"), "--buildroot", tree, spec,
        env={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    for rpm in (work / "rpms").rglob("*.rpm"):
        rpm.rename(out / rpm.name)
    shutil.rmtree(work)


def createrepo(directory, comps=None):
    """Writes (or replaces) the repodata of a directory."""
    group = ["-g", comps] if comps else []
    run("createrepo_c", "-q", "--revision", "1", "--set-timestamp-to-revision", *group, directory)


def comps(groups):
    """A comps file: `{id: [package, …]}`, all mandatory."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">', "<comps>"]
    for name, packages in groups.items():
        out.append("<group><id>%s</id><name>%s</name><description>%s</description><default>true</default>"
                   "<uservisible>false</uservisible><packagelist>" % (name, name.title(), name))
        out += ['<packagereq type="mandatory">%s</packagereq>' % p for p in packages]
        out.append("</packagelist></group>")
    names = "".join("<groupid>%s</groupid>" % n for n in groups)
    out.append("<environment><id>minimal-environment</id><name>Minimal Install</name><description>Basic functionality."
               "</description><display_order>3</display_order><grouplist>%s</grouplist></environment>" % names)
    return "\n".join(out + ["</comps>", ""])
