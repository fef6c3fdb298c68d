//! A user is put into a group that no line makes and no usual system has.
//!
//! # Why
//!
//! The installer makes an empty group of that name: a slip in `wheel` leaves a machine without an administrator.
//!
//! # Example
//!
//! ```kickstart
//! user --name=ops --groups=whell
//! ```
//!
//! # Fix
//!
//! Correct the name, or make the group in a line of its own.
//!
//! ```kickstart
//! group --name=deployers
//! user --name=ops --groups=wheel,deployers
//! ```

use crate::lint::{Context, Findings};
use crate::suggest::nearest;

/// Groups that the base system and usual packages make.
const GROUPS: &[&str] = &[
    "root",
    "bin",
    "daemon",
    "sys",
    "adm",
    "tty",
    "disk",
    "lp",
    "mem",
    "kmem",
    "wheel",
    "cdrom",
    "mail",
    "man",
    "dialout",
    "floppy",
    "games",
    "tape",
    "video",
    "ftp",
    "lock",
    "audio",
    "users",
    "nobody",
    "utmp",
    "utempter",
    "input",
    "kvm",
    "render",
    "sgx",
    "systemd-journal",
    "systemd-network",
    "dbus",
    "polkitd",
    "ssh_keys",
    "sshd",
    "tss",
    "chrony",
    "rpc",
    "qemu",
    "libvirt",
    "docker",
    "apache",
    "nginx",
    "mysql",
    "postgres",
    "mock",
    "wireshark",
    "dumpcap",
    "vboxsf",
    "pipewire",
    "plugdev",
    "netdev",
    "sudo",
    "screen",
    "cockpit-ws",
    "rekindle",
    "puppet",
    "pcp",
    "stapdev",
    "stapusr",
    "stapsys",
    "jackuser",
    "realtime",
    "usbmon",
    "clevis",
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    if cx.model.is_partial {
        return;
    }
    let made: Vec<&str> = cx.model.all("group").map(|group| group.text("name")).collect();
    let users: Vec<&str> = cx.model.all("user").map(|user| user.text("name")).collect();
    for user in cx.model.all("user") {
        for group in user.list("groups") {
            // `name(gid)` makes the group with that number.
            let name = group.split('(').next().unwrap_or_default().trim();
            if group.contains('(')
                || name.parse::<u32>().is_ok()
                || [GROUPS, &made, &users].iter().any(|known| known.contains(&name))
            {
                continue;
            }
            let guess = nearest(name, GROUPS.iter().chain(&made).copied());
            let help = guess.map_or("add a `group` line".to_owned(), |known| format!("did you mean `{known}`?"));
            out.add(user.place_of("groups"), format!("no line makes the group `{name}`"), &help);
        }
    }
}
