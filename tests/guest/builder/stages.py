"""The stage repositories, with the packages of roles: a web server and a store, and some that are broken on purpose."""

import shutil
from pathlib import Path

from . import cache, rpms
from .rpms import Package

ROLES = cache.HERE / "roles"

_ENABLE = {"post": "systemctl enable --quiet {0}.service", "preun": "[ $1 -gt 0 ] || systemctl disable --quiet {0}.service || :"}


def _role(name, version, **more):
    scriptlets = {k: v.format(name) for k, v in _ENABLE.items()}
    return Package(name, ["/usr/libexec/" + name, "/usr/lib/systemd/system/%s.service" % name], "The role %s" % name, version=version,
                   noarch=True, requires=["busybox", "systemd"], scriptlets=scriptlets, **more)


# stage: packages in it. Every stage has the same 1.0 of a role, byte for byte; `dev` is ahead.
STAGES = {
    "dev": ["shop-web-1.0", "shop-web-1.1", "shop-db-1.0"],
    "testing": ["shop-web-1.0", "shop-db-1.0", "broken-post-1.0", "broken-deps-1.0"],
    "rc": ["shop-web-1.0", "shop-db-1.0"],
    "stable": ["shop-web-1.0", "shop-db-1.0"],
}


def repositories():
    """A directory with one repository a stage."""

    def make(work):
        pool = work / "pool"
        pool.mkdir()
        for version in ("1.0", "1.1"):
            tree = work / "tree"
            for source in ROLES.rglob("*"):
                if source.is_file():
                    place = tree / source.relative_to(ROLES)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(source.read_text().replace("@VERSION@", version + "-1"))
                    place.chmod(source.stat().st_mode & 0o777)
            packages = [_role("shop-web", version)]
            if version == "1.0":
                packages += [_role("shop-db", version), *_broken(tree)]
            rpms.build(packages, tree, pool)
            shutil.rmtree(tree)
        for stage, names in STAGES.items():
            directory = work / stage
            (directory / "Packages").mkdir(parents=True)
            for name in names:
                (rpm,) = pool.glob(name + "-*.rpm")
                (directory / "Packages" / rpm.name).hardlink_to(rpm)
            rpms.createrepo(directory)
        shutil.rmtree(pool)

    return cache.part("stages", [Path(__file__), Path(rpms.__file__), ROLES], make)


def _broken(tree):
    """Packages that fail in one way each."""
    for name in ("broken-post", "broken-deps"):
        place = tree / "usr/share" / name
        place.mkdir(parents=True)
        (place / "README").write_text("A package that fails to install, for tests.\n")
    return [
        Package("broken-post", ["/usr/share/broken-post"], "Its scriptlet fails after the files are in", noarch=True, requires=["busybox"],
                scriptlets={"post": "echo 'broken-post: this scriptlet always fails' >&2\nexit 1"}),
        Package("broken-deps", ["/usr/share/broken-deps"], "Needs what nobody provides", noarch=True, requires=["no-such-capability"]),
    ]
