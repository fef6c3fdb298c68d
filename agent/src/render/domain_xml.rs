//! `DomainSpec` → the domain XML that libvirt defines.
//!
//! Pure. Called by `execute` for each definition and by `rekindle render --domain`. Every value is escaped; the specification
//! has made every choice, so nothing is chosen here. [`crate::xml`] reads our mark back.

use std::fmt::{self, Write};

use crate::spec::{Boot, DomainDisk, DomainNic, DomainSpec, DomainType, Firmware, NicSource};
use crate::xml::{Text, owner_element};

/// Virtio port that Anaconda feeds with its log by itself when it exists.
pub const INSTALLER_LOG_PORT: &str = "org.fedoraproject.anaconda.log.0";
/// Virtio port of the QEMU guest agent.
const GUEST_AGENT_PORT: &str = "org.qemu.guest_agent.0";
const LIBOSINFO_NAMESPACE: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

/// The definition of `domain`.
pub fn domain_xml(domain: &DomainSpec) -> String {
    let mut xml = String::with_capacity(4096);
    // A String takes everything that is written to it.
    let written = write_domain(&mut xml, domain);
    debug_assert!(written.is_ok());
    xml
}

fn write_domain(out: &mut String, domain: &DomainSpec) -> fmt::Result {
    writeln!(out, "<domain type=\"{}\">", domain.domain_type.as_str())?;
    writeln!(out, "  <name>{}</name>", Text(domain.name.as_str()))?;
    writeln!(out, "  <uuid>{}</uuid>", domain.uuid)?;
    // libvirt takes no line break in a title.
    let title: String = domain.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !title.trim().is_empty() {
        writeln!(out, "  <title>{}</title>", Text(title.trim()))?;
    }
    write_metadata(out, domain)?;
    writeln!(out, "  <memory unit=\"MiB\">{}</memory>", domain.memory_mib)?;
    writeln!(out, "  <vcpu>{}</vcpu>", domain.vcpus)?;
    write_os(out, domain)?;
    writeln!(out, "  <features>\n    <acpi/>\n    <apic/>\n  </features>")?;
    // `maximum` is what software emulation can do; the host's own model is of use to KVM alone.
    writeln!(
        out,
        "  <cpu mode=\"{}\" check=\"none\"/>",
        match domain.domain_type {
            DomainType::Kvm => "host-passthrough",
            DomainType::Qemu => "maximum",
        }
    )?;
    writeln!(out, "  <clock offset=\"utc\">")?;
    writeln!(out, "    <timer name=\"rtc\" tickpolicy=\"catchup\"/>\n    <timer name=\"pit\" tickpolicy=\"delay\"/>")?;
    writeln!(out, "    <timer name=\"hpet\" present=\"no\"/>\n  </clock>")?;
    // The installer's last act is a reboot, and that ends the install; a crash is for the next pass to see.
    writeln!(out, "  <on_poweroff>destroy</on_poweroff>")?;
    writeln!(
        out,
        "  <on_reboot>{}</on_reboot>",
        match domain.boot {
            Boot::Install { .. } => "destroy",
            Boot::Disk => "restart",
        }
    )?;
    writeln!(out, "  <on_crash>destroy</on_crash>")?;
    writeln!(out, "  <devices>")?;
    for disk in &domain.disks {
        write_disk(out, disk)?;
    }
    for nic in &domain.nics {
        write_nic(out, nic)?;
    }
    writeln!(out, "    <serial type=\"pty\">")?;
    writeln!(out, "      <log file=\"{}\" append=\"on\"/>", Text(domain.console_log.as_str()))?;
    writeln!(out, "      <target port=\"0\"/>\n    </serial>")?;
    writeln!(out, "    <console type=\"pty\">\n      <target type=\"serial\" port=\"0\"/>\n    </console>")?;
    writeln!(out, "    <channel type=\"unix\">")?;
    writeln!(out, "      <target type=\"virtio\" name=\"{GUEST_AGENT_PORT}\"/>\n    </channel>")?;
    if let Some(log) = &domain.installer_log {
        writeln!(out, "    <channel type=\"file\">")?;
        writeln!(out, "      <source path=\"{}\" append=\"on\"/>", Text(log.as_str()))?;
        writeln!(out, "      <target type=\"virtio\" name=\"{INSTALLER_LOG_PORT}\"/>\n    </channel>")?;
    }
    writeln!(out, "    <controller type=\"usb\" model=\"none\"/>")?;
    writeln!(out, "    <memballoon model=\"virtio\"/>")?;
    writeln!(out, "    <rng model=\"virtio\">\n      <backend model=\"random\">/dev/urandom</backend>\n    </rng>")?;
    writeln!(out, "    <panic model=\"isa\"/>")?;
    writeln!(out, "  </devices>\n</domain>")
}

fn write_metadata(out: &mut String, domain: &DomainSpec) -> fmt::Result {
    writeln!(out, "  <metadata>")?;
    writeln!(out, "    {}", owner_element(&domain.owner))?;
    if let Some(os) = &domain.osinfo {
        writeln!(out, "    <libosinfo:libosinfo xmlns:libosinfo=\"{LIBOSINFO_NAMESPACE}\">")?;
        writeln!(out, "      <libosinfo:os id=\"{}\"/>\n    </libosinfo:libosinfo>", Text(os.as_str()))?;
    }
    writeln!(out, "  </metadata>")
}

fn write_os(out: &mut String, domain: &DomainSpec) -> fmt::Result {
    match domain.firmware {
        Firmware::Bios => writeln!(out, "  <os>")?,
        Firmware::Uefi => writeln!(out, "  <os firmware=\"efi\">")?,
    }
    writeln!(out, "    <type arch=\"x86_64\" machine=\"q35\">hvm</type>")?;
    if domain.firmware == Firmware::Uefi {
        writeln!(out, "    <firmware>\n      <feature enabled=\"no\" name=\"secure-boot\"/>\n    </firmware>")?;
    }
    match &domain.boot {
        Boot::Install { kernel, initrd, cmdline } => {
            writeln!(out, "    <kernel>{}</kernel>", Text(kernel.as_str()))?;
            writeln!(out, "    <initrd>{}</initrd>", Text(initrd.as_str()))?;
            writeln!(out, "    <cmdline>{}</cmdline>", Text(cmdline))?;
        }
        Boot::Disk => writeln!(out, "    <boot dev=\"hd\"/>")?,
    }
    writeln!(out, "  </os>")
}

fn write_disk(out: &mut String, disk: &DomainDisk) -> fmt::Result {
    writeln!(out, "    <disk type=\"volume\" device=\"disk\">")?;
    writeln!(out, "      <driver name=\"qemu\" type=\"qcow2\" discard=\"unmap\"/>")?;
    writeln!(out, "      <source pool=\"{}\" volume=\"{}\"/>", Text(disk.pool.as_str()), Text(&disk.volume))?;
    writeln!(out, "      <target dev=\"{}\" bus=\"virtio\"/>", Text(&disk.target))?;
    writeln!(out, "      <serial>{}</serial>\n    </disk>", Text(&disk.serial))
}

fn write_nic(out: &mut String, nic: &DomainNic) -> fmt::Result {
    match &nic.source {
        NicSource::Bridge(bridge) => {
            writeln!(out, "    <interface type=\"bridge\">\n      <source bridge=\"{}\"/>", Text(bridge.as_str()))?;
        }
        NicSource::Network(network) => {
            writeln!(out, "    <interface type=\"network\">\n      <source network=\"{}\"/>", Text(network.as_str()))?;
        }
    }
    writeln!(out, "      <mac address=\"{}\"/>\n      <model type=\"virtio\"/>\n    </interface>", nic.mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::{Document, Node};
    use uuid::Uuid;

    use super::*;
    use crate::spec::{MacAddr, Owner};
    use crate::xml::parse_owner;

    fn domain(boot: Boot) -> DomainSpec {
        let installing = matches!(boot, Boot::Install { .. });
        DomainSpec {
            name: "web1".parse().expect("name"),
            uuid: Uuid::from_u128(0x9c6e_2b2d_7c2f_5a5b_9a59_3a1c_0d9e_4f10),
            title: "web1.lab.example: shop-web, dev".to_owned(),
            domain_type: DomainType::Qemu,
            firmware: Firmware::Bios,
            vcpus: 2,
            memory_mib: 2048,
            boot,
            disks: vec![
                DomainDisk {
                    pool: "default".parse().expect("pool"),
                    volume: "web1-root.qcow2".to_owned(),
                    target: "vda".to_owned(),
                    serial: "root".to_owned(),
                },
                DomainDisk {
                    pool: "fast".parse().expect("pool"),
                    volume: "web1-data.qcow2".to_owned(),
                    target: "vdb".to_owned(),
                    serial: "data".to_owned(),
                },
            ],
            nics: vec![
                DomainNic { mac: MacAddr::qemu([1, 2, 3]), source: NicSource::Network("lan".parse().expect("network")) },
                DomainNic { mac: MacAddr::qemu([1, 2, 4]), source: NicSource::Bridge("br0.120".parse().expect("bridge")) },
            ],
            console_log: "/var/lib/rekindle/vms/web1/attempt-1/console.log".into(),
            installer_log: installing.then(|| "/var/lib/rekindle/vms/web1/attempt-1/installer.log".into()),
            osinfo: Some("http://almalinux.org/almalinux/9".parse().expect("osinfo id")),
            owner: Owner {
                site: "lab".to_owned(),
                vm: "web1".parse().expect("name"),
                attempt: 1,
                installing,
                digest: "5f1d".to_owned(),
            },
        }
    }

    fn install(cmdline: &str) -> Boot {
        Boot::Install {
            kernel: "/var/cache/rekindle/boot/alma9/vmlinuz".into(),
            initrd: "/var/cache/rekindle/boot/alma9/initrd.img".into(),
            cmdline: cmdline.to_owned(),
        }
    }

    #[track_caller]
    fn check_golden(name: &str, domain: &DomainSpec) {
        let path = format!("{}/src/render/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        let xml = domain_xml(domain);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &xml).expect("golden file written");
        }
        let golden = std::fs::read_to_string(&path).expect("golden file (UPDATE_GOLDEN=1 makes it)");
        assert_eq!(xml, golden, "{name} differs; UPDATE_GOLDEN=1 accepts");
    }

    #[test]
    fn an_install_boots_the_installer_and_ends_with_its_reboot() {
        check_golden(
            "domain-install.xml",
            &domain(install("inst.ks=http://192.0.2.1:8470/ks/0f inst.ks.sendmac console=ttyS0,115200")),
        );
    }

    #[test]
    fn a_disk_boot_has_no_installer_log_and_restarts() {
        check_golden("domain-disk.xml", &domain(Boot::Disk));
    }

    #[test]
    fn uefi_and_kvm_change_firmware_and_cpu() {
        let mut domain = domain(Boot::Disk);
        domain.firmware = Firmware::Uefi;
        domain.domain_type = DomainType::Kvm;
        domain.osinfo = None;
        check_golden("domain-uefi-kvm.xml", &domain);
    }

    #[test]
    fn the_mark_reads_back() {
        let domain = domain(Boot::Disk);
        assert_eq!(parse_owner(&domain_xml(&domain)), Some(domain.owner));
    }

    /// Element names in document order: what no value may change.
    fn shape(xml: &str) -> Vec<String> {
        let document = Document::parse(xml).expect("well-formed");
        document.descendants().filter(Node::is_element).map(|node| node.tag_name().name().to_owned()).collect()
    }

    proptest! {
        #[test]
        fn no_value_adds_an_element(title in any::<String>(), cmdline in any::<String>(), path in any::<String>(), name in any::<String>()) {
            let mut plain = domain(install("x"));
            plain.title = "x".to_owned();
            let mut hostile = domain(install(&cmdline));
            hostile.title = format!("x{title}");
            hostile.console_log = path.clone().into();
            hostile.installer_log = Some(path.into());
            hostile.owner.site.clone_from(&name);
            hostile.owner.digest.clone_from(&name);
            hostile.disks[0].volume.clone_from(&name);
            hostile.disks[0].serial = name;
            prop_assert_eq!(shape(&domain_xml(&hostile)), shape(&domain_xml(&plain)));
        }
    }
}
