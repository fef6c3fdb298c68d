"""The order of an installation, from the kickstart to the reboot. Start reading here.

    %pre ─ read ─ plan storage ─ repositories ─ mandatory spokes ─┐        a refusal here is `KickstartRejected` (sits there)
       ┌──────────────────────────────────────────────────────────┘        or `InstallFailed` (%onerror, 180 s, reboot)
       └ disks ─ %pre-install ─ packages ─ boot loader ─ configuration ─ %post ─ reboot | poweroff | wait for ENTER
"""

import os
import subprocess
import time
import traceback

from . import disks, partition, payload, requirements, scripts, spokes, storage, support, target
from .cmdline import CommandLine
from .errors import KickstartRejected, NonInteractive, ScriptStopped, SpokesIncomplete
from .log import Log

KICKSTART = "/run/install/ks.cfg"
RULE = "=" * 80
VERSION = "34.25.4.9-1.el9"


class Steps:
    """Numbers the queues and tasks as Anaconda's log does, so that a reader can make a percentage of them."""

    def __init__(self, log, queues):
        self.log = log
        self.queues = len(queues)
        self.tasks = sum(len(tasks) for _, _, tasks in queues)
        self.plan = queues

    def run(self):
        done = 0
        for number, (name, title, tasks) in enumerate(self.plan, 1):
            self.log.info("installation", "Queue started: %s (%d/%d)" % (name, number, self.queues))
            if title:
                self.log.progress(title)
            started = time.monotonic()
            for task_name, task in tasks:
                done += 1
                self.log.info("installation", "Task started: %s (%d/%d)" % (task_name, done, self.tasks))
                before = time.monotonic()
                task()
                took = time.monotonic() - before
                self.log.debug("installation", "Task completed: %s (%d/%d) (%.1f s)" % (task_name, done, self.tasks, took))
                self.log.show(".")
            took = time.monotonic() - started
            self.log.info("installation", "Queue completed: %s (%d/%d) (%.1f s)" % (name, number, self.queues, took))
        self.log.info("installation", "All tasks in the installation queue are done. Installation successfully finished.")


class Installation:
    """One run of the installer."""

    def __init__(self):
        self.options = CommandLine.parse(disks.read("/proc/cmdline"))
        self.product = _product()
        self.log = Log("/dev/virtio-ports/" + self.options.virtio_port)
        self.boot = dict(line.split("=", 1) for line in disks.read("/run/install/boot.env").splitlines())
        self.kickstart = None
        self.plan = None
        self.payload = None

    # --- before anything is touched -------------------------------------------------------------------------------

    def read_kickstart(self):
        from . import kickstart

        if not os.path.exists(KICKSTART):
            raise KickstartRejected("No kickstart file was given (inst.ks=): this installer has no interactive mode.")
        with open(KICKSTART, encoding="utf-8", errors="replace") as f:
            self.text = f.read()
        release = kickstart.release_of(self.text, _tree_version())
        self.log.info("anaconda: startup_utils", "Using kickstart from %s (%s)" % (KICKSTART, release))
        pre = kickstart.pre_scripts(self.text, release)
        if pre:
            self.log.show("Running pre-installation scripts")
            scripts.run_section(self.log, pre, kickstart.constants.KS_SCRIPT_PRE)
        self.disks = disks.all_disks()
        self.log.info("anaconda: kickstart", "Parsing kickstart: " + KICKSTART)
        self.kickstart = kickstart.read(self.text, release, partition.names_of(self.disks))
        if self.kickstart.warned:
            self.log.show("\nSome warnings occurred during reading the kickstart file:")
            for warning in self.kickstart.warned:
                self.log.warning("anaconda: kickstart", warning)
                self.log.show(warning.strip())
            if self.options.has("inst.ksstrict"):
                raise KickstartRejected("\n".join(self.kickstart.warned))

    @property
    def asks(self):
        """Whether problems are put to a person who is not there (text mode) rather than ending the installation."""
        if self.options.never_asks or self.kickstart.never_asks:
            return False
        mode = self.options.display_mode or self.kickstart.display_mode
        return mode != "cmdline"

    def prepare(self):
        """Plans the storage, sets the repositories up, and then looks for what is still missing."""
        self.log.show("Starting automated install")
        support.check_commands(self.kickstart)
        data = self.kickstart.data
        self.uefi = os.path.exists("/sys/firmware/efi")
        self.log.show("Checking storage configuration...")
        storage_problem = None
        if data.partition.partitions:
            try:
                self.plan = partition.plan_storage(data, self.disks, disks.memory(), self.product, self.uefi)
            except partition.StorageError as problem:
                storage_problem = str(problem)
                self.log.write(
                    "ERR", "ERR:anaconda.modules.storage.partitioning.validate", "Storage configuration has failed: " + storage_problem,
                    program="org.fedoraproject.Anaconda.Modules.Storage",
                )
                self.log.show("Storage configuration has failed: " + storage_problem)
        place = self._source()
        self.payload = payload.Payload(self.log, self.product)
        self.payload.set_up(self.kickstart, place, self.options.get("inst.proxy"))
        if not self.payload.base_ready:
            self.log.show("Error setting up base repository: %s" % (place or "no installation source"))
        self._show_hub()
        missing = spokes.incomplete(self.kickstart, self.plan is not None, self.payload.base_ready)
        if missing:
            self.log.error("anaconda: ui.tui.hubs.summary", "mandatory spokes are not completed: %s" % ", ".join(missing))
            if self.asks:
                self._wait_for_ever("Please make a selection from the above ['b' to begin installation, 'q' to quit, 'r' to refresh]: ")
            raise SpokesIncomplete(spokes.message(missing))

    def _source(self):
        data = self.kickstart.data
        if self.options.get("inst.repo"):
            return {"url": self.options.get("inst.repo")}
        if data.url.seen:
            return {"mirrorlist": data.url.mirrorlist} if data.url.mirrorlist else {"url": data.url.url}
        return None

    def _show_hub(self):
        self.log.show(RULE + "\n" + RULE + "\nInstallation\n")

    # --- the installation ------------------------------------------------------------------------------------------

    def install(self):
        from pykickstart import constants as c

        log, kickstart = self.log, self.kickstart
        data = kickstart.data
        cards = disks.cards()
        log.show(RULE + "\n" + RULE + "\nProgress\n")

        def section(kind):
            return lambda: scripts.run_section(log, data.scripts, kind)

        def nothing():
            """A task that has no effect on this installer, but has its line in the log."""

        Steps(log, [
            ("Installation environment setup", "Setting up the installation environment", [
                ("Set up the installation environment", nothing),
            ]),
            ("Early storage configuration", "Configuring storage", [
                ("Create storage layout", lambda: storage.write_disks(log, self.plan)),
                ("Mount filesystems", lambda: storage.mount_all(log, self.plan)),
            ]),
            ("Pre-installation scripts", "Running pre-installation scripts", [
                ("Run %pre-install scripts", section(c.KS_SCRIPT_PREINSTALL)),
            ]),
            ("Pre install tasks", "Running pre-installation tasks", [
                ("Set file contexts", nothing),
                ("Prepare payload", nothing),
            ]),
            ("Payload installation", "Installing.", [
                ("Select the packages", self._select_packages),
                ("Install the payload", self._install_packages),
            ]),
            ("Late storage configuration", None, [
                ("Write storage configuration", lambda: target.write_storage(self.plan)),
            ]),
            ("Bootloader installation", "Installing boot loader", [
                ("Install bootloader", lambda: target.install_bootloader(log, kickstart, self.plan, self.uefi)),
            ]),
            ("Post-installation setup tasks", "Performing post-installation setup tasks", [
                ("Set up the machine ID", target.write_machine_id),
                ("Write the repositories", lambda: target.write_repositories(kickstart)),
            ]),
            ("Installed system configuration", "Configuring installed system", [
                ("Configure localization", lambda: target.write_localization(log, kickstart)),
                ("Configure services", lambda: target.set_services(log, kickstart)),
            ]),
            ("Network configuration", "Writing network configuration", [
                ("Network configuration", lambda: target.write_network(kickstart, cards)),
            ]),
            ("User creation", "Creating users", [
                ("Create users", lambda: target.write_users(log, kickstart)),
            ]),
            ("Anaconda addon configuration", "Configuring addons", [
                ("Configure Anaconda addons", nothing),
            ]),
            ("Initramfs generation", "Generating initramfs", [
                ("Generate initramfs", lambda: target.generate_initramfs(log, self.plan)),
            ]),
            ("Writing kickstarts", "Storing configuration files and kickstarts", [
                ("Store kickstarts", lambda: target.store_kickstart(self.text, not self.options.has("inst.nosave"))),
            ]),
            ("Post installation scripts", "Running post-installation scripts", [
                ("Run post installation scripts", section(c.KS_SCRIPT_POST)),
            ]),
            ("Storing logs", None, [
                ("Copy logs", target.store_logs),
            ]),
        ]).run()

    def _select_packages(self):
        from pykickstart import constants as c

        packages = self.kickstart.data.packages
        include, exclude = requirements.wanted_specs(packages)
        include += [n for n in requirements.added_packages(self.kickstart, self.plan, self.uefi) if n not in include]
        self.log.progress("Starting package installation process")
        try:
            self.payload.select(include, exclude, packages.handleMissing == c.KS_MISSING_IGNORE)
        except NonInteractive as problem:
            if self.asks:
                self.log.show(str(problem) + "\n\nWould you like to ignore this and continue with installation?\n")
                self._wait_for_ever("Please respond 'yes' or 'no': ")
            raise
        self.payload.check_space()

    def _install_packages(self):
        self.payload.install()
        self.payload.close()

    # --- the ends --------------------------------------------------------------------------------------------------

    def _wait_for_ever(self, prompt):
        self.log.show(prompt)
        while True:
            time.sleep(3600)

    def finish(self):
        """The end of a good installation, as the kickstart says it."""
        from . import kickstart

        self.log.info("core.util", "Reporting the IPMI event: 8")
        action = kickstart.exit_action(self.kickstart)
        storage.unmount_all(self.log)
        if action in (None, "halt"):
            self._wait_for_ever("Installation complete. Press ENTER to quit: ")
        self.leave(action)

    def leave(self, action="reboot"):
        os.sync()
        self.log.show("anaconda: %s" % ("powering off" if action == "poweroff" else "rebooting"))
        subprocess.run(["busybox", "poweroff" if action == "poweroff" else "reboot", "-f"], check=False)
        while True:
            time.sleep(3600)

    def fail(self, problem):
        """Logs, shows, runs %onerror and %traceback, waits, and then leaves as a finished installation would."""
        from pykickstart import constants as c

        trace = "".join(traceback.format_exception(problem)).rstrip()
        self.log.critical("exception", trace)
        if not isinstance(problem, NonInteractive):
            with open("/tmp/anaconda-tb-standin", "w", encoding="utf-8") as out:
                out.write("anaconda %s exception report\n%s\n" % (VERSION, trace))
        self.log.show(
            "\nThe installation was stopped due to an error which occurred while running in non-interactive cmdline mode. "
            "Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. "
            "\nThe exact error message is: \n\n%s. \n\nThe installer will now terminate." % problem
        )
        found = self.kickstart.data.scripts if self.kickstart else []
        self.log.info("core.util", "Running kickstart %%onerror script(s)")
        scripts.run_section(self.log, found, c.KS_SCRIPT_ONERROR, lenient=True)
        scripts.run_section(self.log, found, c.KS_SCRIPT_TRACEBACK, lenient=True)
        self.log.info("core.util", "Reporting the IPMI event: 10")
        if self.kickstart and self.asks:
            self._wait_for_ever("Press ENTER to exit: ")
        time.sleep(180)
        from . import kickstart

        storage.unmount_all(self.log)
        self.leave("poweroff" if self.kickstart and kickstart.exit_action(self.kickstart) == "poweroff" else "reboot")

    def reject(self, problem):
        """A kickstart that cannot be read: no script runs, no reboot follows."""
        self.log.critical("kickstart.parsing", str(problem))
        self.log.show(
            "\nAn error occurred during reading the kickstart file:\n%s\n\nThe installer will now terminate." % str(problem).strip()
        )
        time.sleep(10)
        self._wait_for_ever("")


def run():
    """The whole program; never returns but by a reboot."""
    installation = Installation()
    log = installation.log
    log.show("Starting installer, one moment...")
    log.show("anaconda %s for %s started." % (VERSION, installation.product))
    log.show(" * installation log files are stored in /tmp during the installation")
    log.info("anaconda: main", "/usr/sbin/anaconda %s" % VERSION)
    log.info("core.util", "Reporting the IPMI event: 7")
    try:
        try:
            installation.read_kickstart()
        except KickstartRejected as problem:
            installation.reject(problem)
        installation.prepare()
        installation.install()
    except ScriptStopped as problem:
        log.error("anaconda: kickstart", str(problem))
        log.show("\n%s\n\nPress ENTER to exit: " % problem)
        installation._wait_for_ever("")
    except Exception as problem:  # Whatever it is, Anaconda's handler would get it.
        installation.fail(problem)
    installation.finish()


def _product():
    for line in disks.read("/.buildstamp").splitlines():
        if line.startswith("Product="):
            return line.split("=", 1)[1]
    return "anaconda"


def _tree_version():
    """The version in the tree's .treeinfo, which the initrd kept."""
    section = ""
    for line in disks.read("/run/install/.treeinfo").splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section in ("[release]", "[general]") and line.startswith("version"):
            return line.split("=", 1)[1].strip()
    return None
