"""The packages: the same dnf library that Anaconda uses, on an install root."""

import configparser
import logging
import os
import subprocess
from dataclasses import dataclass, field

from .errors import InstallFailed, NonInteractive
from .storage import SYSROOT

# Variants of an install tree that are taken as the base repository.
DEFAULT_REPOS = ("fedora-modular-server", "rawhide", "BaseOS", "baseos")
USER_AGENT = "%s (anaconda)/34.25.4.9"


@dataclass
class Tree:
    """An install tree: the place of the base repository, and the release version that .treeinfo tells."""

    url: str
    version: str = "9"
    name: str = "Red Hat Enterprise Linux"
    optional: dict = field(default_factory=dict)


def read_tree(log, url, product):
    """Reads `.treeinfo` (then `treeinfo`) of `url`. A missing one is fine; a malformed one ends the installation."""
    for name in (".treeinfo", "treeinfo"):
        done = subprocess.run(
            ["curl", "-sSfL", "--max-time", "46", "-A", USER_AGENT % product, "%s/%s" % (url, name)],
            capture_output=True, text=True, check=False,
        )
        if done.returncode == 0:
            return parse_tree(url, done.stdout)
        log.debug("packaging", "Can't download %s: %s" % (name, done.stderr.strip()))
    return Tree(url)


def parse_tree(url, text):
    """The `Tree` of a .treeinfo text; raises what productmd would raise for a missing section or option."""
    info = configparser.ConfigParser(interpolation=None, strict=False)
    info.optionxform = str
    info.read_string(text)
    if not info.has_section("header") and info.has_section("general"):
        general = info["general"]
        repository = general.get("repository", "")
        return Tree(_join(url, repository), general["version"], general["family"])
    info.get("header", "version")
    tree = Tree(url, info.get("release", "version"), info.get("release", "name"))
    for required in ("arch", "platforms", "build_timestamp"):
        info.get("tree", required)
    for variant in [v for v in info.get("tree", "variants", fallback="").split(",") if v]:
        section = "variant-" + variant
        for required in ("id", "uid", "name", "type"):
            info.get(section, required)
        place = info.get(section, "repository", fallback=None)
        if place is None:
            raise TypeError("unsupported operand type(s): the variant %s has no repository" % variant)
        if info.get(section, "id") in DEFAULT_REPOS or info.get(section, "id") == tree.name.lower():
            tree.url = _join(url, place)
        else:
            tree.optional[info.get(section, "id")] = _join(url, place)
    return tree


def _join(url, place):
    return url if place in ("", ".") else url.rstrip("/") + "/" + place


class _Display:
    """Turns dnf's callbacks into Anaconda's log lines and screen lines."""

    def __init__(self, log, total):
        self.log, self.total = log, total
        self.done, self.scriptlets = set(), set()
        self.failed = None

    def progress(self, package, action, ti_done, ti_total, ts_done, ts_total):
        import dnf.callback as callback

        if action == callback.TRANS_PREPARATION and ti_done == ti_total == 0:
            return
        if action == callback.PKG_INSTALL and package is not None:
            name = str(package)
            if name not in self.done:
                self.done.add(name)
                self.log.show("Installing %s.%s (%d/%d)" % (package.name, package.arch, len(self.done), self.total))
            if ti_total and ti_done == ti_total:
                self.log.debug("packaging", "Installed: %s %s %s" % (package, package.buildtime, package.returnIdSum()[1]))
        elif action == callback.PKG_SCRIPTLET:
            if str(package) not in self.scriptlets:
                self.scriptlets.add(str(package))
                self.log.debug("packaging", "Configuring (running scriptlet for): %s" % package)
        elif action == callback.PKG_VERIFY:
            if ts_done == 1:
                self.log.debug("packaging", "Post installation setup phase started.")
            self.log.debug("packaging", "Verifying: %s" % package)

    def scriptout(self, msgs):
        if msgs:
            self.log.info("dnf", str(msgs).rstrip())

    def error(self, message):
        self.log.error("dnf", str(message))
        self.failed = self.failed or str(message)

    def filelog(self, package, action):
        pass

    def verify_tsi_package(self, pkg, count, total):
        import dnf.callback as callback

        self.progress(pkg, callback.PKG_VERIFY, 100, 100, count, total)


class _Forward(logging.Handler):
    """dnf's own log lines, under Anaconda's tag for them."""

    def __init__(self, log):
        super().__init__(logging.INFO)
        self.target = log

    def emit(self, record):
        severity = "ERR" if record.levelno >= logging.ERROR else "WARNING" if record.levelno >= logging.WARNING else "INFO"
        self.target.write(severity, record.name, record.getMessage())


class Payload:
    """The repositories, the selection and the transaction."""

    def __init__(self, log, product):
        import dnf

        logger = logging.getLogger("dnf")
        logger.handlers = [_Forward(log)]
        logger.setLevel(logging.INFO)
        logger.propagate = False
        self.log, self.product = log, product
        self.base = dnf.Base()
        self.base_ready = False
        conf = self.base.conf
        # Set again from the tree's version once that is known; dnf wants one before it takes an install root.
        conf.releasever = "9"
        conf.cachedir = "/tmp/dnf.cache"
        conf.pluginconfpath = []
        conf.logdir = "/tmp"
        conf.installroot = SYSROOT
        conf.prepend_installroot("persistdir")
        conf.reposdir = []
        conf.gpgcheck = False
        conf.localpkg_gpgcheck = False
        conf.skip_if_unavailable = False
        conf.strict = True
        conf.user_agent = USER_AGENT % product

    def set_up(self, kickstart, place, proxy=None):
        """Adds the repositories. The base one may turn out bad (`base_ready` then says so); a bad extra one is fatal.

        `place` is `{"url": …}` or `{"mirrorlist": …}`, as the `url` command or inst.repo= says, or None.
        """
        import dnf

        conf = self.base.conf
        packages = kickstart.data.packages
        conf.install_weak_deps = not packages.excludeWeakdeps
        if packages.excludeDocs:
            conf.tsflags = list(conf.tsflags) + ["nodocs"]
        if packages.timeout is not None:
            conf.timeout = packages.timeout
        if packages.retries is not None:
            conf.retries = packages.retries
        if proxy:
            conf.proxy = proxy
        if place:
            version = "9"
            if "url" in place:
                self.log.info("packaging", "Configuring the base repo from %s" % place["url"])
                tree = read_tree(self.log, place["url"].rstrip("/"), self.product)
                place, version = {"url": tree.url}, tree.version
                extra = tree.optional
            else:
                extra = {}
            conf.releasever = version
            conf.substitutions["releasever"] = version
            self.base_ready = self._add_base(dnf, place)
            for name, url in extra.items():
                self._add(name, {"url": url})
        for repo in kickstart.data.repo.repoList:
            if not (repo.baseurl or repo.mirrorlist or getattr(repo, "metalink", None)):
                raise InstallFailed("The repo '%s' has no baseurl, mirrorlist or metalink, and is not a predefined one" % repo.name)
            self._add(repo.name, {"url": repo.baseurl, "mirrorlist": repo.mirrorlist}, repo)
        if self.base_ready:
            self.base.fill_sack(load_system_repo=False)
            self.base.read_comps(arch_filter=True)

    def _repo(self, name, place, command=None):
        import dnf.repo

        repo = dnf.repo.Repo(name, self.base.conf)
        if place.get("url"):
            repo.baseurl = [place["url"]]
        if place.get("mirrorlist"):
            repo.mirrorlist = place["mirrorlist"]
        if command is not None:
            if command.cost is not None:
                repo.cost = command.cost
            repo.excludepkgs = list(command.excludepkgs or [])
            repo.includepkgs = list(command.includepkgs or [])
            repo.sslverify = not command.noverifyssl
        repo.name = name
        return repo

    def _add_base(self, dnf, place):
        repo = self._repo("anaconda", place)
        self.base.repos.add(repo)
        try:
            repo.load()
        except dnf.exceptions.RepoError as cause:
            self.log.error(
                "packaging", "base repo (%s/None/None) not valid -- removing it" % (place.get("url") or place.get("mirrorlist"))
            )
            self.log.error("packaging", "reason for repo removal: %s" % cause)
            self.base.repos.pop(repo.id)
            return False
        return True

    def _add(self, name, place, command=None):
        import dnf.exceptions

        repo = self._repo(name, place, command)
        self.base.repos.add(repo)
        self.log.info("packaging", "Added the '%s' repository: %s" % (name, place.get("url") or place.get("mirrorlist")))
        try:
            repo.load()
        except dnf.exceptions.RepoError as cause:
            raise InstallFailed("Failed to add the '%s' repository: %s" % (name, cause)) from cause

    def close(self):
        self.base.close()

    def select(self, include, exclude, ignore_missing):
        """Marks and solves. What is missing ends the installation, in cmdline mode, with dnf's own words."""
        import dnf.exceptions

        try:
            self.base.install_specs(["kernel"], exclude=[], strict=False)
        except dnf.exceptions.MarkingErrors:
            self.log.error("packaging", "kernel: failed to select a kernel")
        try:
            self.base.install_specs(include, exclude=exclude, strict=not ignore_missing)
        except dnf.exceptions.MarkingErrors as cause:
            self.log.error("packaging", "Packages marking error: %s" % cause)
            only_missing = cause.no_match_pkg_specs or cause.no_match_group_specs
            if ignore_missing and only_missing and not cause.error_pkg_specs and not cause.error_group_specs:
                self.log.warning("packaging", "Ignoring missing packages, groups or modules: %s" % cause)
            else:
                raise NonInteractive(str(cause)) from cause
        try:
            self.base.resolve()
        except dnf.exceptions.DepsolveError as cause:
            self.log.error("packaging", "The transaction couldn't be resolved:\n%s" % cause)
            raise InstallFailed(
                "The following software marked for installation has errors.\nThis is likely caused by an error with "
                "your installation source.\n\n%s" % cause
            ) from cause
        packages = self.base.transaction.install_set
        if not packages:
            raise InstallFailed("The transaction is empty: no packages were selected")
        size = sum(p.installsize for p in packages)
        self.log.info("packaging", "%d packages selected totalling %s" % (len(packages), _human(size)))
        return len(packages)

    def check_space(self):
        """Compares what will be downloaded and installed with what is free on the target."""
        packages = self.base.transaction.install_set
        stat = os.statvfs(SYSROOT)
        free = stat.f_bavail * stat.f_frsize
        need = sum(p.installsize for p in packages) + sum(p.downloadsize for p in packages)
        if need > free:
            self.log.error("packaging", "Not enough disk space to download the packages; size %s." % _human(need))
            raise InstallFailed("Not enough disk space to download the packages; size %s." % _human(need))

    def install(self):
        """Downloads into the target, then runs the transaction."""
        import dnf.callback
        import dnf.exceptions

        packages = list(self.base.transaction.install_set)
        count, total = len(packages), sum(p.downloadsize for p in packages)
        place = os.path.join(SYSROOT, "var/cache/dnf.package.cache")
        os.makedirs(place, exist_ok=True)
        for repo in self.base.repos.iter_enabled():
            repo.pkgdir = place
        self.log.info("packaging", "Downloading packages to %s." % place)
        self.log.show("Downloading %d RPMs, 0 B / %s (0%%) done." % (count, _human(total)))
        try:
            self.base.download_packages(packages, dnf.callback.DownloadProgress())
        except dnf.exceptions.DownloadError as cause:
            self.log.error("packaging", "Failed to download the following packages: %s" % cause)
            raise InstallFailed("Failed to download the following packages: %s" % cause) from cause
        self.log.info("packaging", "Downloading packages finished.")
        self.log.show("Downloading %d RPMs, %s / %s (100%%) done." % (count, _human(total), _human(total)))
        self.log.progress("Preparing transaction from installation source")
        display = _Display(self.log, count)
        try:
            self.base.do_transaction(display=display)
        except dnf.exceptions.Error as cause:
            raise InstallFailed("The transaction process has ended abruptly: %s" % cause) from cause
        finally:
            subprocess.run(["rm", "-rf", place], check=False)
        if display.failed:
            raise InstallFailed("An error occurred during the transaction: %s" % display.failed)


def _human(size):
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return ("%.2f" % value).rstrip("0").rstrip(".") + " " + unit
