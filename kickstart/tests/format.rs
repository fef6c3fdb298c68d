//! `format`: one order and spelling, the same meaning.

use kickstart::model::Kickstart;
use kickstart::{Release, check, format};

use crate::dice::Dice;

#[track_caller]
fn check_format(text: &str, expected: &str) {
    let once = format(text, Release::Rhel9);
    assert_eq!(once, expected);
    check_meaning(text, Release::Rhel9);
}

/// Formatting keeps the meaning and the verdict, and formatting again changes nothing.
#[track_caller]
fn check_meaning(text: &str, release: Release) {
    let once = format(text, release);
    assert_eq!(format(&once, release), once, "formatting {text:?} twice changes it twice");
    assert_eq!(Kickstart::read(&once, release), Kickstart::read(text, release), "{text:?} -> {once:?}");
    let verdict = |text: &str| {
        let mut codes: Vec<&str> = check(text, release).diagnostics().iter().map(|found| found.code).collect();
        codes.sort_unstable();
        codes
    };
    assert_eq!(verdict(&once), verdict(text), "{text:?} -> {once:?}");
}

#[test]
fn options_are_spelt_in_full_with_their_values() {
    check_format("part  /  --si 100 --fst \"xfs\"\n", "part / --fstype=xfs --size=100\n");
    check_format("bootloader --append 'a b' --timeout -1\n", "bootloader --append=\"a b\" --timeout=-1\n");
    check_format("user --name=a --gecos=\"it's \\\"me\\\"\"\n", "user --name=a --gecos=\"it's \\\"me\\\"\"\n");
    check_format("mount /dev/vda1 /x --reformat xfs\n", "mount /dev/vda1 /x --reformat=xfs\n");
    check_format("partition --size 9 /x --ondrive vda\n", "part /x --size=9 --ondisk=vda\n");
    check_format("volgroup vg0 --pesize 4096 pv.01\n", "volgroup vg0 pv.01 --pesize=4096\n");
    check_format("rootpw --plaintext -- -x\n", "rootpw --plaintext -- -x\n");
    check_format("clearpart --linux --all --drives=vda\n", "clearpart --linux --all --drives=vda\n");
    check_format("firewall --ssh --enable --port=1:tcp --http\n", "firewall --enabled --ssh --http --port=1:tcp\n");
    check_format("rootpw ''\n", "rootpw \"\"\n");
}

#[test]
fn lines_stand_by_subject_with_their_comments() {
    let text = "\
# web server of the shop
reboot
%post
echo
%end
# the data
# disk

part /srv --size=9
network --device=b --bootproto=dhcp

rootpw --lock
%packages
@core
%end
part / --size=9
lang de_DE.UTF-8
network --device=a --bootproto=dhcp  # second
# end
";
    let expected = "\
# web server of the shop

lang de_DE.UTF-8

network --device=b --bootproto=dhcp
network --device=a --bootproto=dhcp  # second

rootpw --lock

# the data
# disk
part /srv --size=9
part / --size=9

reboot

%packages
@core
%end

%post
echo
%end

# end
";
    check_format(text, expected);
    check_format("#version=RHEL9\ntext\nlang en_US\n", "#version=RHEL9\ntext\n\nlang en_US\n");
    check_format("# a\n\n# b\nlang en_US\ntext\n", "# a\n\n# b\n\ntext\n\nlang en_US\n");
    check_format("lang en_US\n%include /tmp/a\ntext\n", "lang en_US\n\n%include /tmp/a\n\ntext\n");
    let allow = "# rekindle: allow(firewall-disabled) lab\nfirewall --disabled\ntext\n";
    check_format(allow, "text\n\n# rekindle: allow(firewall-disabled) lab\nfirewall --disabled\n");
    let broken = "lang en_US\nfrob\ntext\n";
    check_format(broken, broken);
}

#[test]
fn formatting_keeps_the_meaning_of_shuffled_kickstarts() {
    let lines: Vec<&str> = include_str!("../benches/sample.ks").lines().take_while(|line| !line.starts_with('%')).collect();
    let sections = [
        "%packages\n@core\n-vim\n%end",
        "%pre\necho\n%end",
        "%post --nochroot\necho\n%end",
        "%post\n b\n%end",
        "%include /x",
        "",
        "# a",
        "# rekindle: allow(selinux-disabled)",
        "volgroup vg1 pv.02",
        "clearpart --all --linux",
        "user --name=b",
        "sshkey --username=b 'a b c'",
    ];
    let mut dice = Dice::new(11);
    for round in 0..3_000 {
        let mut text = String::new();
        for _ in 0..=dice.below(14) {
            let line = if dice.below(3) == 0 { sections[dice.below(sections.len())] } else { lines[dice.below(lines.len())] };
            text.push_str(line);
            text.push('\n');
        }
        check_meaning(&text, Release::ALL[round % Release::ALL.len()]);
    }
}

#[test]
fn formatting_keeps_the_meaning_of_what_pykickstart_has_judged() {
    for line in include_str!("../parity/verdicts.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ').skip(1);
        let release: Release = parts.next().expect("a release").parse().expect("a release");
        check_meaning(&crate::frozen::unescape(parts.next().unwrap_or_default()), release);
    }
}

#[test]
fn comments_order_and_scripts_stay() {
    check_format("\n\n# a\n\n\n  # b  \nlang  en_US#c\n\n", "# a\n\n# b\nlang en_US  #c\n");
    check_format(
        "%post   --log /x # y\n  echo   'a'\n\n\n  b\r\n  %end  \n",
        "%post --log=/x  # y\n  echo   'a'\n\n\n  b\r\n%end\n",
    );
    check_format("%packages\n\n  @core\n\n\n vim # x\n%end", "%packages\n@core\n\nvim # x\n%end\n");
}

#[test]
fn what_does_not_fit_stays_as_it_is() {
    check_format(
        "part  /  --frob   x\nfrob   x\nlang 'x\n realm  join x\n",
        "part  /  --frob   x\nfrob   x\nlang 'x\n realm  join x\n",
    );
    check_format("part  /  --size   x\n", "part  /  --size   x\n");
}
