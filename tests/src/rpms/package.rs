//! Packages by `rpmbuild`; all are `NAME-VERSION-1.noarch`. One that is built again replaces the file of the one before.

use std::fmt::Write as _;

use camino::Utf8PathBuf;

use super::RpmLab;

impl RpmLab {
    /// Builds a package that installs one file, `/usr/share/NAME/text`. It is not signed.
    pub fn build(&self, name: &str, version: &str, text: &str) -> Utf8PathBuf {
        self.build_with(name, version, "", &format!("printf %s '{text}' > %{{buildroot}}/usr/share/{name}/text"))
    }

    /// Builds version 1 of a package with a file of so many zeros; it is not compressed, and not signed.
    pub fn build_large(&self, name: &str, bytes: u64) -> Utf8PathBuf {
        let data = format!("truncate -s {bytes} %{{buildroot}}/usr/share/{name}/data");
        self.build_with(name, "1", "%define _binary_payload w.ufdio\n", &data)
    }

    /// Builds and signs.
    pub fn package(&self, name: &str, version: &str) -> Utf8PathBuf {
        let path = self.build(name, version, version);
        self.sign(std::slice::from_ref(&path), &self.signer);
        path
    }

    /// Builds `count` packages `NAME-0`, `NAME-1`, … from one spec; each installs `/usr/share/NAME-0/text`, …, which end in
    /// `padding` random bytes. They are not signed.
    pub fn build_many(&self, name: &str, version: &str, count: usize, padding: usize) -> Vec<Utf8PathBuf> {
        let mut rest = format!(
            "%description\nx\n%install\nfor n in $(seq 0 {}); do d=%{{buildroot}}/usr/share/{name}-$n; mkdir -p $d; \
             echo {version}-$n > $d/text; head -c {padding} /dev/urandom >> $d/text; done\n",
            count - 1
        );
        for number in 0..count {
            // Writing to a String cannot fail.
            let _ = writeln!(
                rest,
                "%package {number}\nSummary: x\n%description {number}\nx\n%files {number}\n/usr/share/{name}-{number}"
            );
        }
        self.build_spec(name, version, "", &rest);
        (0..count).map(|number| self.built(&format!("{name}-{number}"), version)).collect()
    }

    fn build_with(&self, name: &str, version: &str, head: &str, install: &str) -> Utf8PathBuf {
        let directory = format!("/usr/share/{name}");
        let rest = format!("%description\nx\n%install\nmkdir -p %{{buildroot}}{directory}\n{install}\n%files\n{directory}\n");
        self.build_spec(name, version, head, &rest);
        self.built(name, version)
    }

    fn build_spec(&self, name: &str, version: &str, head: &str, rest: &str) {
        let spec = self.dir.join(format!("{name}.spec"));
        let tags = format!("Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {name} of the lab\nLicense: MIT\n");
        std::fs::write(&spec, format!("{head}{tags}BuildArch: noarch\nAutoReqProv: no\n{rest}")).expect("a spec");
        self.must("rpmbuild", &["-bb", "--quiet", spec.as_str()]);
    }

    /// Where a package is that was built.
    pub fn built(&self, name: &str, version: &str) -> Utf8PathBuf {
        self.dir.join("rpmbuild/RPMS/noarch").join(format!("{name}-{version}-1.noarch.rpm"))
    }
}
