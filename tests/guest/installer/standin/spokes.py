"""The mandatory parts of an unattended install: what Anaconda's summary hub would still ask for. Pure."""


def incomplete(kickstart, storage_ready, source_ready):
    """The titles of the mandatory spokes that are not complete, in the hub's order."""
    data = kickstart.data
    titles = []
    if not data.timezone.timezone:
        titles.append("Time settings")
    if not source_ready:
        titles.append("Installation source")
    if not data.packages.seen or not source_ready:
        titles.append("Software selection")
    if not storage_ready:
        titles.append("Installation Destination")
    if not _has_admin(kickstart):
        titles += ["Root password", "User creation"]
    return titles


def _has_admin(kickstart):
    if kickstart.has("rootpw"):
        return True
    return any("wheel" in user.groups and not user.lock for user in kickstart.data.user.userList)


def message(titles):
    return "The following mandatory spokes are not completed:\n" + "\n".join(titles)
