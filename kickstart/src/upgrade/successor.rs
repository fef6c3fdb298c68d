//! What takes the place of commands and options that are gone.

use crate::lexer::Word;
use crate::release::Release;

/// What becomes of a command.
pub(super) enum Command {
    /// Nothing takes its place, and nothing is lost; why.
    Drop(&'static str),
    /// Another line does.
    Write { line: String, needs_decision: bool },
    /// A person must say; what about.
    Ask(&'static str),
}

/// What becomes of an option.
pub(super) enum Option {
    /// It has another name.
    Rename(&'static str),
    /// Lines of their own.
    Lines(Vec<String>),
    /// Nothing: it had no effect.
    Drop,
    /// A person must say.
    Ask,
}

/// The successor of a command that `to` does not have.
pub(super) fn of_command(object: &str, arguments: &[Word<'_>], to: Release) -> Command {
    match object {
        "auth" => authselect(arguments, to),
        "install" => Command::Drop("to install is what a kickstart does"),
        "upgrade" => Command::Drop("the installer upgrades nothing any more"),
        "autostep" => Command::Drop("the installer has no steps to walk through"),
        "device" | "deviceprobe" => Command::Drop("devices are found without it"),
        "dmraid" | "multipath" => Command::Drop("such devices are found without it"),
        "unsupported_hardware" => Command::Drop("the installer does not ask any more"),
        "logging" => Command::Drop("it does nothing any more; start with `inst.syslog=…`"),
        "vnc" => Command::Ask("use `rdp`, which needs a user name and a password"),
        "module" => Command::Ask("choose packages of the wanted version in %packages"),
        "btrfs" => Command::Ask("lay out the disk with `part`, `volgroup` and `logvol`"),
        "nvdimm" => Command::Ask("set the namespaces up with `ndctl` in `%pre`"),
        "method" => Command::Ask("use `url`, `nfs`, `cdrom` or `harddrive`"),
        "ostreecontainer" | "ostreesetup" | "bootc" | "rdp" | "timesource" | "authselect" | "mount" | "rhsm" | "syspurpose"
        | "sshkey" => Command::Ask("the wanted release does not have it yet"),
        _ => Command::Ask("nothing takes its place"),
    }
}

/// What takes the place of a command that `to` does not have, in words for a manual.
pub(crate) fn command_successor(object: &str, to: Release) -> String {
    match of_command(object, &[], to) {
        Command::Drop(why) => format!("nothing: {why}"),
        Command::Write { line, .. } => line.split(' ').next().unwrap_or_default().to_owned(),
        Command::Ask(what) => what.to_owned(),
    }
}

/// The same of an option; `None` where only a person can say.
pub(crate) fn option_successor(object: &str, option: &str, to: Release) -> std::option::Option<String> {
    match of_option(object, option, "VALUE", to) {
        Option::Rename(name) => Some(name.to_owned()),
        Option::Lines(lines) => Some(lines.join(", ")),
        Option::Drop => Some("nothing: it had no effect".to_owned()),
        Option::Ask => None,
    }
}

/// `authconfig …` as `authselect select PROFILE FEATURES`.
fn authselect(arguments: &[Word<'_>], to: Release) -> Command {
    let has = |option: &str| arguments.iter().any(|word| word.value.split('=').next() == Some(option));
    let local = if matches!(to, Release::Rhel8 | Release::Rhel9) { "minimal" } else { "local" };
    let profile = if has("--enablewinbind") || has("--enablewinbindauth") {
        "winbind"
    } else if ["--enablesssd", "--enablesssdauth", "--enableldap", "--enableldapauth", "--enablekrb5", "--enableipav2"]
        .into_iter()
        .any(has)
    {
        "sssd"
    } else {
        local
    };
    let mut line = format!("authselect select {profile}");
    let features = [
        ("--enablemkhomedir", "with-mkhomedir"),
        ("--enablefingerprint", "with-fingerprint"),
        ("--enablesmartcard", "with-smartcard"),
        ("--enablefaillock", "with-faillock"),
        ("--enablepamaccess", "with-pamaccess"),
        ("--enablecachecreds", ""),
    ];
    for (option, feature) in features {
        if has(option) && !feature.is_empty() {
            line.push(' ');
            line.push_str(feature);
        }
    }
    // Shadow passwords and their hash have long been the default; anything else is for a person.
    let is_default = |word: &Word<'_>| {
        let option = word.value.split('=').next().unwrap_or_default();
        matches!(option, "--enableshadow" | "--useshadow" | "--passalgo" | "--enablemd5" | "--updateall" | "sha512")
            || features.iter().any(|(known, _)| *known == option)
    };
    Command::Write { line, needs_decision: !arguments.iter().all(is_default) }
}

/// Whether `to` still takes the option, and only warns of it.
pub(crate) fn is_outdated(object: &str, option: &str, to: Release) -> bool {
    to == Release::Rhel9
        && matches!(
            (object, option),
            ("timezone", "--isUtc" | "--ntpservers" | "--nontp") | ("%packages", "--instLangs" | "--excludeWeakdeps")
        )
}

/// The successor of an option that `to` does not have.
pub(super) fn of_option(object: &str, option: &str, value: &str, to: Release) -> Option {
    let has_timesource = !matches!(to, Release::Rhel7 | Release::Rhel8);
    match (object, option) {
        ("timezone", "--isUtc") => Option::Rename("--utc"),
        ("timezone", "--ntpservers") if has_timesource => {
            let servers = value.split(',').map(str::trim).filter(|server| !server.is_empty());
            Option::Lines(servers.map(|server| format!("timesource --ntp-server={server}")).collect())
        }
        ("timezone", "--nontp") if has_timesource => Option::Lines(vec!["timesource --ntp-disable".to_owned()]),
        ("%packages", "--instLangs") => Option::Rename("--inst-langs"),
        ("%packages", "--excludeWeakdeps") => Option::Rename("--exclude-weakdeps"),
        ("%packages", "--nobase") | ("bootloader", "--upgrade") | ("ignoredisk", "--interactive") | ("logging", "--level") => {
            Option::Drop
        }
        _ => Option::Ask,
    }
}
