//! No value that a spec accepts can add a line or a word to a kickstart: compared with the same spec with a harmless value.

use proptest::prelude::*;
use rekindle::render::RenderError;
use rekindle::spec::{CheckKind, CheckSpec, Fqdn, RepoLocation, Spec, TreeLocation, VmSpec};
use rekindle_tests::specs::{DiskCase, SpecCase, id};

use super::{renderer, urls};

/// Puts a text into a spec; false when the spec's type refuses it.
type Put = fn(&mut Spec, &str) -> bool;

/// A field: its name, a harmless value, and how it is set.
struct Field {
    name: &'static str,
    harmless: &'static str,
    put: Put,
}

fn vm(spec: &mut Spec) -> &mut VmSpec {
    spec.vms.values_mut().next().expect("one VM")
}

/// Sets a field of a type that parses.
macro_rules! parsed {
    ($name:literal, $harmless:literal, |$spec:ident, $value:ident| $set:expr) => {
        Field {
            name: $name,
            harmless: $harmless,
            put: |$spec, text| match text.parse() {
                Ok($value) => {
                    $set;
                    true
                }
                Err(_) => false,
            },
        }
    };
}

/// Sets a field that is any text.
macro_rules! any {
    ($name:literal, $harmless:literal, |$spec:ident, $value:ident| $set:expr) => {
        Field {
            name: $name,
            harmless: $harmless,
            put: |$spec, text| {
                let $value = text.to_owned();
                $set;
                true
            },
        }
    };
}

fn fields() -> Vec<Field> {
    vec![
        parsed!("name", "web9", |spec, value| vm(spec).name = value),
        parsed!("domain", "web9.example.com", |spec, value| vm(spec).fqdn = value),
        parsed!("role", "role", |spec, value| vm(spec).role = value),
        parsed!("team", "team", |spec, value| vm(spec).team = Some(value)),
        parsed!("size", "size", |spec, value| vm(spec).size = value),
        parsed!("hypervisor", "hv", |spec, value| vm(spec).hypervisor = value),
        parsed!("package", "package", |spec, value| vm(spec).packages.push(value)),
        parsed!("service", "service", |spec, value| vm(spec).services.push(value)),
        parsed!("kernel argument", "quiet", |spec, value| vm(spec).kernel_args.push(value)),
        parsed!("disk name", "data9", |spec, value| vm(spec).disks[1].name = value),
        parsed!("mount point", "/srv/data9", |spec, value| vm(spec).disks[1].mount = Some(value)),
        parsed!("made mount point", "/srv/data9", |spec, value| vm(spec).disks[2].mount = Some(value)),
        parsed!("Puppet environment", "dev", |spec, value| vm(spec).puppet.as_mut().expect("Puppet").environment = value),
        parsed!("Puppet class", "class", |spec, value| vm(spec).puppet.as_mut().expect("Puppet").classes = vec![value]),
        parsed!("check path", "/", |spec, value| vm(spec).checks = vec![CheckSpec {
            name: "c".to_owned(),
            kind: CheckKind::Http { port: 80, path: value, status: 200, contains: None },
            timeout: std::time::Duration::from_secs(1),
        }]),
        parsed!("tree", "http://mirror/", |spec, value| spec.oses.values_mut().next().expect("OS").tree =
            TreeLocation::Url(value)),
        parsed!("repository", "http://mirror/", |spec, value| vm(spec).repos[0].location = RepoLocation::Url(value)),
        parsed!("time zone", "UTC", |spec, value| spec.site.timezone = value),
        parsed!("language", "en_US.UTF-8", |spec, value| spec.site.locale = value),
        parsed!("keyboard", "us", |spec, value| spec.site.keyboard = value),
        parsed!(
            "root password",
            "$6$saltsaltsalt$0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ./0123456789abcdefghijkl",
            |spec, value| spec.site.root.password = Some(value)
        ),
        parsed!("key", "ssh-rsa AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", |spec, value| spec.site.root.ssh_keys =
            vec![value]),
        Field {
            name: "search domain",
            harmless: "other.example.com",
            put: |spec, text| {
                let Ok(domain) = text.parse::<Fqdn>() else { return false };
                spec.networks.values_mut().for_each(|network| network.domain = Some(domain.clone()));
                true
            },
        },
        any!("NTP server", "ntp.example.com", |spec, value| spec.site.ntp = vec![value]),
        any!("site name", "lab", |spec, value| spec.site.name = value),
        any!("repository name", "extra", |spec, value| vm(spec).repos[2].name = value),
        parsed!("own repository elsewhere", "http://mirror/", |spec, value| {
            spec.site.repository.as_mut().expect("a repository").url = Some(value);
        }),
        any!("Puppet program", "/usr/bin/puppet", |spec, value| spec.site.puppet.as_mut().expect("Puppet").program = value),
    ]
}

/// Lines, and the words of each as the installer (commands) or a shell (scripts) splits them.
fn shape(text: &str) -> Vec<usize> {
    let (document, _) = kickstart::parse(text);
    let mut words: Vec<usize> = text.lines().map(unquoted_words).collect();
    for (line, command) in document.commands() {
        words[line - 1] = command.len();
    }
    words
}

/// Words of a line, quoted blanks not counted.
fn unquoted_words(line: &str) -> usize {
    let (mut words, mut inside, mut quote) = (0, false, None);
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c.is_whitespace() => inside = false,
            None => {
                words += usize::from(!inside);
                inside = true;
                match c {
                    '\'' | '"' => quote = Some(c),
                    '\\' => drop(characters.next()),
                    _ => {}
                }
            }
        }
    }
    words
}

/// Renders with the field set; none when the type refuses the text, an error when the renderer does.
fn render(field: &Field, text: &str) -> Option<Result<String, RenderError>> {
    let mut spec = SpecCase { rich: true, disks: DiskCase::Many, ..SpecCase::default() }.build();
    if !(field.put)(&mut spec, text) {
        return None;
    }
    let vm = spec.vms.values().next()?;
    Some(renderer().render_kickstart(&spec, vm, &urls()).map(|kickstart| kickstart.text))
}

#[track_caller]
fn check(field: &Field, text: &str) -> Result<(), TestCaseError> {
    let harmless = render(field, field.harmless).unwrap_or_else(|| panic!("{}: {:?} is refused", field.name, field.harmless));
    let harmless = harmless.unwrap_or_else(|error| panic!("{}: {:?}: {error}", field.name, field.harmless));
    if let Some(Ok(rendered)) = render(field, text) {
        // Packages are sorted: which line a value is on may change, not what the lines are like.
        let (mut expected, mut found) = (shape(&harmless), shape(&rendered));
        expected.sort_unstable();
        found.sort_unstable();
        prop_assert!(expected == found, "{} {text:?} changed the shape of the kickstart:\n{rendered}", field.name);
    }
    Ok(())
}

/// What people try, whole.
const KNOWN: [&str; 24] = [
    "",
    " ",
    "a b",
    "a\n%post\nid\n%end",
    "a\r\nb",
    "%post",
    "%end",
    "%include /etc/shadow",
    "-",
    "--x",
    "a --plaintext",
    "a;id",
    "$(id)",
    "`id`",
    "'",
    "\"",
    "a'b\"c",
    "\\",
    "a#b",
    "{{ site.root.password }}",
    "{% raw %}",
    "../../etc/passwd",
    "a\u{2028}b",
    "\u{202e}a",
];

#[test]
fn what_people_try_adds_neither_a_line_nor_a_word() {
    for field in fields() {
        for text in KNOWN {
            if let Err(error) = check(&field, text) {
                panic!("{error}");
            }
            // Behind something that is accepted, too.
            if let Err(error) = check(&field, &format!("{}{text}", field.harmless)) {
                panic!("{error}");
            }
        }
    }
}

#[test]
fn the_comparison_sees_a_value_that_does_add_a_word() {
    assert_ne!(shape("lang a\n"), shape("lang a b\n"));
    assert_ne!(shape("%pre\nx a\n%end\n"), shape("%pre\nx a b\n%end\n"));
    assert_eq!(shape("%pre\nx 'a b'\n%end\n"), shape("%pre\nx a\n%end\n"));
    assert_eq!(shape("lang \"a b\"\n"), shape("lang a\n"));
    let neutral: Fqdn = id("a.example.com");
    assert_eq!(neutral.as_str(), "a.example.com");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_accepted_value_adds_a_line_or_a_word(
        which in 0usize..28,
        text in prop_oneof![
            "[ -~\\n\\t]{0,40}",
            "[a-z0-9/:._@^$-]{1,30}",
            "[a-z]{1,6}[%#'\"\\\\$`;|&<>(){} \\r\\n\\x00\u{85}\u{2028}]{1,3}[a-z]{0,6}",
            "http://[a-z]{1,8}[ -~]{0,20}",
            "ssh-rsa [A-Za-z0-9+/=]{40,50}[ -~]{0,20}",
            "\\PC{0,20}",
        ],
    ) {
        let fields = fields();
        prop_assert_eq!(fields.len(), 28);
        check(&fields[which], &text)?;
    }
}
