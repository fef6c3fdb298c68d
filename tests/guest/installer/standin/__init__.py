"""The stand-in for Anaconda: installs from a kickstart and real RPM repositories, as Anaconda would be seen to do it.

Started by /sbin/stage2-init inside the installer's second stage; never on a developer's machine (the pure modules
are, by the tests). To whoever watches from outside it must look and fail like Anaconda: the same words, the same
order of log lines, the same places where it stops and waits. It must never be kinder: what it cannot do, it refuses.

Start reading at `install.py` (the order of everything). Pure, tested on the host: `cmdline`, `log`, `kickstart`,
`support`, `partition`, `spokes`, `requirements`, `network`, `bootblock`. With side effects: `disks`, `storage`,
`payload`, `scripts`, `target`.
"""
