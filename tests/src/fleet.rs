//! Sites of any size, for benches and scale tests.
//!
//! A fleet looks like a real site: VMs spread over hypervisors, networks of 250 VMs each, four roles (web, application, database
//! with a kept disk, worker), four stages, teams with quotas. The same arguments always give the same files.

use std::fmt::Write as _;
use std::fs;
use std::io;

use camino::Utf8Path;

/// VMs on one network and hypervisor.
const PER_NETWORK: usize = 250;
const STAGES: [&str; 4] = ["dev", "testing", "rc", "stable"];
const ROLES: [&str; 4] = ["web", "app", "db", "worker"];

/// Most VMs of a fleet: somewhat above, chance gives two VMs on one bridge the same MAC, and a site says so.
pub const VMS_MAX: usize = 30_000;

/// Writes a site of `vms` VMs, at most [`VMS_MAX`], into the empty or absent directory `dir`.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_fleet(dir: &Utf8Path, vms: usize) -> io::Result<()> {
    assert!(vms <= VMS_MAX, "a fleet has at most {VMS_MAX} VMs");
    for sub in ["os", "stages", "roles", "networks", "teams", "hypervisors", "vms", "puppet/modules"] {
        fs::create_dir_all(dir.join(sub))?;
    }
    let write = |path: String, text: &str| fs::write(dir.join(path), text);
    write("site.toml".into(), SITE)?;
    write("sizes.toml".into(), SIZES)?;
    write("os/alma9.toml".into(), OS)?;
    for stage in STAGES {
        write(format!("stages/{stage}.toml"), &STAGE.replace("STAGE", stage))?;
    }
    for role in ROLES {
        write(format!("roles/{role}.toml"), &role_file(role))?;
    }
    for team in 0..10 {
        write(format!("teams/team{team}.toml"), &format!("contact = \"team{team}@fleet.example\"\n"))?;
    }
    for group in 0..vms.div_ceil(PER_NETWORK) {
        // 10.0.0.0/24, 10.0.1.0/24, … in pairs of bytes.
        let (high, low) = (group / 256, group % 256);
        let network = format!(
            "kind = \"bridge\"\nbridge = \"br{group}\"\nrange = \"10.{high}.{low}.0/24\"\ngateway = \"10.{high}.{low}.1\"\n\
             install_address = \"10.{high}.{low}.2\"\n"
        );
        write(format!("networks/net{group}.toml"), &network)?;
        let hypervisor =
            format!("networks = [\"net{group}\"]\n\n[[pools]]\nname = \"images\"\npath = \"/var/lib/libvirt/images\"\n");
        write(format!("hypervisors/hv{group}.toml"), &hypervisor)?;
    }
    for vm in 0..vms {
        write(format!("vms/vm{vm:06}.toml"), &vm_file(vm))?;
    }
    Ok(())
}

fn vm_file(vm: usize) -> String {
    let group = vm / PER_NETWORK;
    let (high, low, host) = (group / 256, group % 256, vm % PER_NETWORK + 3);
    let mut text = format!(
        "role = \"{}\"\nstage = \"{}\"\nteam = \"team{}\"\nhypervisor = \"hv{group}\"\nnetwork = \"net{group}\"\n\
         address = \"10.{high}.{low}.{host}\"\n",
        ROLES[vm % ROLES.len()],
        STAGES[vm / ROLES.len() % STAGES.len()],
        vm % 10,
    );
    // Some VMs differ from their role, as they do everywhere.
    if vm.is_multiple_of(7) {
        text.push_str("memory = \"8 GiB\"\n");
    }
    if vm.is_multiple_of(11) {
        let _ = write!(text, "\n[puppet]\ndata = {{ \"profile::instance\" = {vm} }}\n");
    }
    text
}

fn role_file(role: &str) -> String {
    let mut text = format!(
        "packages = [\"fleet-{role}\", \"tmux\"]\nservices = [\"fleet-{role}\"]\n\n[root_disk]\nlayout = \"lvm\"\nswap = \"1 GiB\"\n"
    );
    if role == "db" {
        text.push_str("\n[[disks]]\nname = \"data\"\nsize = \"100 GiB\"\nkeep = true\nmount = \"/srv/data\"\n");
    }
    let _ = write!(
        text,
        "\n[puppet]\nclasses = [\"role::{role}\"]\ndata = {{ \"profile::port\" = 8080, \"profile::tags\" = [\"fleet\", \"{role}\"] }}\n\n\
         [[checks]]\nname = \"health\"\nhttp = {{ port = 8080, path = \"/health\" }}\n"
    );
    text
}

const SITE: &str = r#"name = "fleet"
domain = "fleet.example"
dns = ["10.255.0.1", "10.255.0.2"]
ntp = ["ntp1.fleet.example"]
timezone = "Europe/Berlin"

[root]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3Yk4n2Qm3o7yq1y0m8R0m6mZ0J6h3yqkq1n8f2b3cD ops"]

[puppet]

[defaults]
os = "alma9"
size = "small"
"#;

const SIZES: &str = r#"[small]
vcpus = 2
memory = "4 GiB"
disk = "20 GiB"

[large]
vcpus = 8
memory = "32 GiB"
disk = "80 GiB"
"#;

const OS: &str = r#"release = "rhel9"
tree = "https://mirror.fleet.example/almalinux/9/BaseOS/x86_64/os/"
packages = ["@core"]
osinfo = "http://almalinux.org/almalinux/9"

[[repos]]
name = "appstream"
url = "https://mirror.fleet.example/almalinux/9/AppStream/x86_64/os/"
"#;

const STAGE: &str = r#"puppet_environment = "STAGE"

[[repos]]
name = "fleet-STAGE"
url = "https://repos.fleet.example/STAGE/"
"#;
