//! A service is switched on or off that is not known here.
//!
//! # Why
//!
//! Where no package brings a unit of that name, the installer logs an error and goes on: the service does not run, and nothing says so.
//!
//! # Example
//!
//! ```kickstart
//! services --enabled=sshdd
//! ```
//!
//! # Fix
//!
//! Correct the name, or see to it that a package brings it; then this is only a remark.
//!
//! ```kickstart
//! services --enabled=sshd,chronyd
//! ```

use crate::lint::{Context, Findings};
use crate::suggest::nearest;

/// Units that come with usual packages.
const SERVICES: &[&str] = &[
    "NetworkManager",
    "NetworkManager-wait-online",
    "abrtd",
    "acpid",
    "amanda",
    "atd",
    "auditd",
    "autofs",
    "avahi-daemon",
    "bluetooth",
    "chronyd",
    "cloud-init",
    "cockpit",
    "cockpit.socket",
    "container-init",
    "crond",
    "cups",
    "cups-browsed",
    "dbus",
    "dbus-broker",
    "dhcpd",
    "dnf-automatic.timer",
    "dnf-makecache.timer",
    "dnsmasq",
    "docker",
    "dovecot",
    "ebtables",
    "fail2ban",
    "fapolicyd",
    "firewalld",
    "fstrim.timer",
    "gdm",
    "getty@tty1",
    "gpm",
    "gssproxy",
    "haproxy",
    "httpd",
    "initial-setup",
    "insights-client.timer",
    "ip6tables",
    "ipmi",
    "ipset",
    "iptables",
    "irqbalance",
    "iscsid",
    "iscsi",
    "kdump",
    "keepalived",
    "ksm",
    "ksmtuned",
    "libvirtd",
    "lm_sensors",
    "lldpad",
    "logrotate.timer",
    "lvm2-monitor",
    "mariadb",
    "mcelog",
    "mdmonitor",
    "memcached",
    "microcode",
    "multipathd",
    "mysqld",
    "named",
    "network",
    "nfs",
    "nfs-server",
    "nfs-client.target",
    "nftables",
    "nginx",
    "nis-domainname",
    "nscd",
    "nslcd",
    "ntpd",
    "ntpdate",
    "numad",
    "oddjobd",
    "openvswitch",
    "osbuild-composer.socket",
    "packagekit",
    "pcscd",
    "php-fpm",
    "pmcd",
    "podman",
    "podman.socket",
    "portmap",
    "postfix",
    "postgresql",
    "power-profiles-daemon",
    "puppet",
    "qemu-guest-agent",
    "radvd",
    "rasdaemon",
    "realmd",
    "redis",
    "rekindle",
    "restorecond",
    "rhel-configure",
    "rhnsd",
    "rhsmcertd",
    "rngd",
    "rpcbind",
    "rsyncd",
    "rsyslog",
    "salt-minion",
    "sendmail",
    "serial-getty@ttyS0",
    "setroubleshoot",
    "smartd",
    "smb",
    "snmpd",
    "spice-vdagentd",
    "squid",
    "sshd",
    "sshd.socket",
    "sssd",
    "stratisd",
    "switcheroo-control",
    "syslog",
    "sysstat",
    "systemd-homed",
    "systemd-networkd",
    "systemd-oomd",
    "systemd-resolved",
    "systemd-timesyncd",
    "systemd-udevd",
    "target",
    "tftp",
    "tftp.socket",
    "thermald",
    "tmp.mount",
    "tuned",
    "udisks2",
    "unbound",
    "upower",
    "usbguard",
    "vdo",
    "vgauthd",
    "virtlockd",
    "virtlogd",
    "virtnetworkd",
    "virtqemud",
    "virtstoraged",
    "vmtoolsd",
    "vsftpd",
    "winbind",
    "wpa_supplicant",
    "xinetd",
    "ypbind",
    "zabbix-agent",
    "zincati",
    "zram-swap",
];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for services in cx.model.all("services") {
        for dest in ["enabled", "disabled"] {
            for service in services.list(dest) {
                let name = service.strip_suffix(".service").unwrap_or(service);
                let is_known = SERVICES.contains(&name)
                    || name
                        .split_once('@')
                        .is_some_and(|(unit, _)| SERVICES.iter().any(|known| known.split('@').next() == Some(unit)));
                if is_known {
                    continue;
                }
                let guess = nearest(name, SERVICES.iter().copied());
                let help = guess.map_or("a package must bring it".to_owned(), |known| format!("did you mean `{known}`?"));
                out.add(services.place_of(dest), format!("the service `{name}` is not known here"), &help);
            }
        }
    }
}
