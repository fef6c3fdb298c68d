//! Finds, reads and merges the configuration files.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::Settings;
use super::fragment::Fragment;
use crate::site::error::SiteErrors;
use crate::site::load::parse_text;
use crate::site::problems::{Place, Problem, Problems, Source};
use crate::site::read;

/// Where configuration is looked for, in the order in which it is laid over each other.
#[derive(Debug, Clone)]
pub struct Places {
    /// `config.d` directories of packages and of this boot.
    pub lower_dirs: Vec<Utf8PathBuf>,
    /// The file that administrators edit.
    pub main: Utf8PathBuf,
    /// Its `config.d`.
    pub upper_dir: Utf8PathBuf,
    /// The file of `--config`, which has to exist.
    pub explicit: Option<Utf8PathBuf>,
}

impl Places {
    /// The places of an installed agent.
    pub fn installed(explicit: Option<&Utf8Path>) -> Self {
        Self {
            lower_dirs: vec!["/usr/lib/rekindle/config.d".into(), "/run/rekindle/config.d".into()],
            main: "/etc/rekindle/agent.toml".into(),
            upper_dir: "/etc/rekindle/config.d".into(),
            explicit: explicit.map(Utf8Path::to_owned),
        }
    }
}

/// Loads the settings of this host; `explicit` is the file of `--config`.
///
/// # Errors
///
/// Every mistake of every file, as for a site.
pub fn load(explicit: Option<&Utf8Path>) -> Result<Settings, SiteErrors> {
    let host_name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    load_from(&Places::installed(explicit), host_name.as_deref())
}

/// Loads settings from `places` for a host called `host_name`.
///
/// # Errors
///
/// As [`load`].
pub fn load_from(places: &Places, host_name: Option<&str>) -> Result<Settings, SiteErrors> {
    let problems = Problems::default();
    let mut sources = Vec::new();
    for dir in &places.lower_dirs {
        read_dir(dir, &mut sources, &problems);
    }
    read_file(&places.main, false, &mut sources, &problems);
    read_dir(&places.upper_dir, &mut sources, &problems);
    if let Some(explicit) = &places.explicit {
        read_file(explicit, true, &mut sources, &problems);
    }
    let merged = sources.iter().enumerate().fold(None, |lower: Option<Fragment>, (index, source)| {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let fragment = parse_text(&source.text, index, &problems, Fragment::read);
        Some(match lower {
            Some(lower) => fragment.over(lower),
            None => fragment,
        })
    });
    let merged = merged.unwrap_or_else(|| parse_text("", 0, &problems, Fragment::read));
    match Settings::resolve(&merged, host_name, &problems) {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(SiteErrors::new(Utf8Path::new("."), &sources, problems)),
    }
}

fn read_dir(dir: &Utf8Path, sources: &mut Vec<Source>, problems: &Problems) {
    let entries = match dir.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            read::report_unreadable(dir, &error, problems);
            return;
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.into_path()),
            Err(error) => read::report_unreadable(dir, &error, problems),
        }
    }
    // `10-site.toml` before `20-log.toml`; others than `.toml` are for people and package managers.
    names.retain(|path| path.extension() == Some("toml") && path.file_name().is_some_and(|name| !name.starts_with('.')));
    names.sort();
    for path in names {
        read_file(&path, false, sources, problems);
    }
}

fn read_file(path: &Utf8Path, needed: bool, sources: &mut Vec<Source>, problems: &Problems) {
    match path.try_exists() {
        Ok(false) if !needed => {}
        Ok(false) => problems.push(Problem::new(Place::Path(path.to_owned()), "the file does not exist")),
        Err(error) => read::report_unreadable(path, &error, problems),
        Ok(true) => sources.extend(read::read_file(path, path, true, problems)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Places within a fresh directory, filled with `files` (path within it, text).
    fn places(files: &[(&str, &str)]) -> (tempfile::TempDir, Places) {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = Utf8Path::from_path(temp.path()).expect("a UTF-8 path").to_owned();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        let places = Places {
            lower_dirs: vec![root.join("usr"), root.join("run")],
            main: root.join("etc/agent.toml"),
            upper_dir: root.join("etc/config.d"),
            explicit: None,
        };
        (temp, places)
    }

    #[track_caller]
    fn check_report(files: &[(&str, &str)], expected: &[&str]) {
        let (temp, places) = places(files);
        let errors = load_from(&places, Some("hv1.example.com")).expect_err("the settings are refused");
        let prefix = format!("{}/", temp.path().display());
        let got: Vec<String> = errors
            .errors()
            .iter()
            .map(|e| {
                let line = e.place.map_or(0, |(line, _)| line);
                format!("{}:{line}: {}", e.file.as_str().replace(&prefix, ""), e.message.replace(&prefix, ""))
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn without_any_file_the_defaults_hold_and_the_host_name_is_the_hypervisor() {
        let (_temp, places) = places(&[]);
        for (host, name) in [("HV1.example.com", "hv1"), ("rack_7", "rack-7")] {
            let settings = load_from(&places, Some(host)).expect("defaults are good");
            assert_eq!(settings.hypervisor.as_str(), name);
        }
        let settings = load_from(&places, Some("hv1")).expect("defaults are good");
        assert_eq!(settings.site, "/etc/rekindle/site");
        assert_eq!(settings.install_listen.to_string(), "[::]:8470");
        assert_eq!(settings.api_socket(), "/run/rekindle/api.sock");
        assert_eq!(settings.log_format, None);
    }

    #[test]
    fn later_files_win_key_by_key() {
        let (temp, mut places) = places(&[
            ("usr/10-a.toml", "hypervisor = \"a\"\ninterval = \"1m\"\n[install]\nport = 1"),
            ("usr/20-b.toml", "hypervisor = \"b\""),
            ("run/x.toml", "hypervisor = \"c\""),
            ("etc/agent.toml", "hypervisor = \"d\"\n[log]\nlevel = \"debug\""),
            ("etc/config.d/z.toml", "hypervisor = \"e\""),
            ("etc/config.d/.hidden.toml", "nonsense"),
            ("etc/config.d/z.toml.rpmsave", "nonsense"),
            ("extra.toml", "[install]\naddress = \"192.0.2.1\""),
        ]);
        places.explicit = Utf8Path::from_path(temp.path()).map(|root| root.join("extra.toml"));
        let settings = load_from(&places, None).expect("good settings");
        assert_eq!(settings.hypervisor.as_str(), "e");
        assert_eq!(settings.interval.as_secs(), 60);
        assert_eq!(settings.install_listen.to_string(), "192.0.2.1:1");
        assert_eq!(settings.log_level, super::super::LogLevel::Debug);
    }

    #[test]
    fn every_mistake_of_every_file_is_reported() {
        check_report(
            &[
                ("usr/a.toml", "sit = \"/x\"\n[log]\nlevel = \"loud\""),
                (
                    "etc/agent.toml",
                    "state_dir = \"var\"\ninterval = 30\n[api]\nlisten = \"127.0.0.1:8470\"\n[libvirt]\nuri = \"xen://\"",
                ),
            ],
            &[
                "etc/agent.toml:1: `var` is no absolute path without `..`",
                "etc/agent.toml:2: `30` in `interval` is not a valid span of time",
                "etc/agent.toml:4: the install listener has port 8470",
                "etc/agent.toml:6: `xen://` in `libvirt.uri` is not a valid libvirt URI",
                "usr/a.toml:1: unknown key `sit`",
                "usr/a.toml:3: `loud` in `log.level` is not a valid log level",
            ],
        );
    }

    #[test]
    fn the_packages_file_says_the_defaults() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
        let packaged = fs::read_to_string(root.join("dist/agent.toml")).expect("the package's file");
        // As installed, and with its commented keys in force: `#key = value` and `#[table]`, without a blank after the `#`.
        let in_force: String = packaged
            .lines()
            .flat_map(|line| [line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line), "\n"])
            .collect();
        for text in [packaged.as_str(), in_force.as_str()] {
            let (_temp, places) = places(&[("etc/agent.toml", text)]);
            load_from(&places, Some("hv1")).unwrap_or_else(|errors| panic!("{errors}"));
        }
    }

    #[test]
    fn the_manual_names_every_key() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
        let manual = fs::read_to_string(root.join("docs/configuration.md")).expect("the manual");
        let code = fs::read_to_string(root.join("agent/src/settings/fragment.rs")).expect("the reader");
        for key in code.match_indices(".get(\"").filter_map(|(at, call)| code[at + call.len()..].split('"').next()) {
            assert!(
                manual.contains(&format!("`{key}`")) || manual.contains(&format!(".{key}`")),
                "docs/configuration.md lacks `{key}`"
            );
        }
    }

    #[test]
    fn a_missing_explicit_file_is_an_error_and_so_is_a_useless_host_name() {
        let (_temp, mut places) = places(&[]);
        places.explicit = Some("/nonexistent/agent.toml".into());
        let errors = load_from(&places, Some("-")).expect_err("refused");
        assert_eq!(errors.errors().len(), 2, "{errors}");
    }
}
