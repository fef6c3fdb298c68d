//! Keys of gpg, all in the lab's one home.

use camino::{Utf8Path, Utf8PathBuf};

use super::RpmLab;

/// A key pair.
#[derive(Debug, Clone)]
pub struct Key {
    /// What gpg knows it by, `NAME@example.com`.
    pub name: String,
    /// The public key in ASCII armour, `NAME.asc` in the lab.
    pub public: Utf8PathBuf,
    /// What signs with it: gpg, or one that lives in the time when the key was good.
    pub(super) gpg: Utf8PathBuf,
}

impl Key {
    /// The key `name` of the lab in `dir`.
    pub(super) fn of(dir: &Utf8Path, name: &str) -> Self {
        Self { name: format!("{name}@example.com"), public: dir.join(format!("{name}.asc")), gpg: "/usr/bin/gpg".into() }
    }
}

impl RpmLab {
    /// Makes a key pair.
    pub fn key(&self, name: &str) -> Key {
        self.key_until(name, "never")
    }

    /// Makes a key pair that is good until then, in gpg's words (`seconds=2`).
    pub fn key_until(&self, name: &str, expires: &str) -> Key {
        self.make_key(Key::of(&self.dir, name), expires)
    }

    /// Makes a key pair that was good for two days in 2020; what it signs was signed then.
    pub fn expired_key(&self, name: &str) -> Key {
        let gpg = self.dir.join("gpg-of-2020");
        std::fs::write(&gpg, "#!/bin/sh\nexec /usr/bin/gpg --faked-system-time 20200101T000000 \"$@\"\n").expect("a script");
        std::fs::set_permissions(&gpg, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("rights");
        self.make_key(Key { gpg, ..Key::of(&self.dir, name) }, "2d")
    }

    fn make_key(&self, key: Key, expires: &str) -> Key {
        let make = ["--batch", "--quiet", "--passphrase", "", "--quick-generate-key", &key.name, "rsa2048", "sign", expires];
        self.must(key.gpg.as_str(), &make);
        self.must("gpg", &["--batch", "--armor", "--output", key.public.as_str(), "--export", &key.name]);
        key
    }

    /// Signs packages where they are.
    pub fn sign(&self, packages: &[Utf8PathBuf], key: &Key) {
        let (name, gpg) = (format!("_gpg_name {}", key.name), format!("__gpg {}", key.gpg));
        let mut args = vec!["--addsign", "--define", &name, "--define", &gpg];
        args.extend(packages.iter().map(|path| path.as_str()));
        self.must("rpmsign", &args);
    }
}
