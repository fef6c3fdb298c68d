//! `format`: one spelling, the same meaning.

use kickstart::{Release, format};

#[track_caller]
fn check_format(text: &str, expected: &str) {
    let once = format(text, Release::Rhel9);
    assert_eq!(once, expected);
    assert_eq!(format(&once, Release::Rhel9), once, "formatting twice changes nothing more");
}

#[test]
fn options_are_spelt_in_full_with_their_values() {
    check_format("part  /  --si 100 --fst \"xfs\"\n", "part / --size=100 --fstype=xfs\n");
    check_format("bootloader --append 'a b' --timeout -1\n", "bootloader --append=\"a b\" --timeout=-1\n");
    check_format("user --name=a --gecos=\"it's \\\"me\\\"\"\n", "user --name=a --gecos=\"it's \\\"me\\\"\"\n");
    check_format("mount /dev/vda1 /x --reformat xfs\n", "mount /dev/vda1 /x --reformat xfs\n");
    check_format("volgroup vg0 --pesize 4096 pv.01\n", "volgroup vg0 --pesize=4096 pv.01\n");
    check_format("rootpw ''\n", "rootpw \"\"\n");
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
        "part / --frob x\nfrob   x\nlang 'x\n realm  join x\n",
    );
    check_format("part  /  --size   x\n", "part  /  --size   x\n");
}
