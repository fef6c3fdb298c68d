//! What installed systems tell long after their install token has ended: the packages that they have now.
//!
//! `serve::install` calls it. A system shows a credential that its first-boot script made of the install token; it is good for this
//! and nothing else, ends when the VM is rebuilt, and does not lead back to the token. What follows from new packages is decided at
//! the next pass, which it wakes.

use sha2::{Digest as _, Sha256};

use super::InstallDesk;
use super::desk::{Denied, unavailable};
use crate::observed::{InstalledPackage, Phase, VmRecord};
use crate::spec::{Digest, Token, VmName};

impl InstallDesk {
    /// The VM of this name, if `credential` is its system's; for a body that is only read for those who are known.
    pub fn knows_system(&self, vm: &str, credential: &str) -> Result<VmName, Denied> {
        Ok(self.system(vm, credential)?.vm)
    }

    /// Keeps which packages an installed system says that it has, where they are others than it said before.
    pub fn report_packages(&self, vm: &str, credential: &str, packages: Vec<InstalledPackage>) -> Result<VmName, Denied> {
        let record = self.system(vm, credential)?;
        if self.store.note_packages(&record.vm, record.attempt, self.clock.now(), packages).map_err(unavailable)? {
            tracing::info!(vm = %record.vm, "the VM has other packages than before");
            self.wake.notify_one();
        }
        Ok(record.vm)
    }

    fn system(&self, vm: &str, credential: &str) -> Result<VmRecord, Denied> {
        let vm: VmName = vm.parse().map_err(|_| Denied::UnknownToken)?;
        let record = self.store.record(&vm).map_err(unavailable)?.ok_or(Denied::UnknownToken)?;
        // Compared as digests: how long that takes says nothing of where they differ.
        if Sha256::digest(system_credential(&record.token)) != Sha256::digest(credential) {
            return Err(Denied::UnknownToken);
        }
        match record.phase {
            Phase::Installed | Phase::Booting | Phase::Enrolling | Phase::Verifying | Phase::Ready | Phase::Failed => Ok(record),
            phase @ (Phase::Preparing | Phase::Installing | Phase::Retiring) => {
                Err(Denied::OutOfPhase { vm, phase, what: "a list of packages" })
            }
        }
    }
}

/// What the system that was installed with `token` shows: 64 hexadecimal digits, the SHA-256 of the token and a word.
/// `templates/partials/first-boot.ks.tera` makes the same.
pub fn system_credential(token: &Token) -> String {
    let digest = Sha256::digest(format!("{} packages", token.reveal()));
    Digest::from(<[u8; 32]>::from(digest)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::GuestEventKind;
    use crate::reconcile::testing::{record, rig};

    fn packages(version: &str) -> Vec<InstalledPackage> {
        let arch = "noarch".to_owned();
        vec![InstalledPackage { name: "shop-web".to_owned(), evr: format!("{version}-1"), arch, sha256_header: None }]
    }

    #[test]
    fn the_credential_is_the_one_that_the_first_boot_script_makes() {
        // printf '%s packages' abababababababababababababababab | sha256sum
        let expected = "980bee3b2bce6a076a1f75016c6af3ccf3104355e48df44f64226e1845486551";
        assert_eq!(system_credential(&Token::new([0xab; 16])), expected);
    }

    #[test]
    fn an_installed_system_tells_its_packages_as_long_as_it_lives() {
        use Phase::{Booting, Enrolling, Failed, Installed, Installing, Preparing, Ready, Retiring, Verifying};
        for (phase, heard) in [
            (Preparing, false),
            (Installing, false),
            (Installed, true),
            (Booting, true),
            (Enrolling, true),
            (Verifying, true),
            (Ready, true),
            (Failed, true),
            (Retiring, false),
        ] {
            let rig = rig(crate::spec::sample::spec("/nonexistent".into()));
            let record = record(phase, 0xab);
            rig.store.put_record(&record).unwrap();
            let told = rig.handle.desk().report_packages("web1", &system_credential(&record.token), packages("1"));
            assert_eq!(told.is_ok(), heard, "{phase:?}: {told:?}");
            assert_eq!(rig.store.events(&record.vm, 1).unwrap().len(), usize::from(heard));
        }
    }

    #[test]
    fn nobody_else_tells_them_and_the_same_list_is_no_news() {
        let rig = rig(crate::spec::sample::spec("/nonexistent".into()));
        let (first, other) = (record(Phase::Ready, 0xab), system_credential(&Token::new([0xcd; 16])));
        rig.store.put_record(&first).unwrap();
        let desk = rig.handle.desk();
        let good = system_credential(&first.token);
        for (vm, credential) in [
            ("web1", other.as_str()),
            ("web1", first.token.reveal()),
            ("web1", ""),
            ("web1", &good[..63]),
            ("db1", &good),
            ("WEB1", &good),
            ("../web1", &good),
            ("", &good),
        ] {
            assert_eq!(desk.knows_system(vm, credential), Err(Denied::UnknownToken), "{vm:?} {credential:?}");
            assert_eq!(desk.report_packages(vm, credential, packages("1")), Err(Denied::UnknownToken));
        }
        for version in ["1", "1", "2", "2", "1"] {
            desk.report_packages("web1", &good, packages(version)).unwrap();
        }
        // Of many, the first and the newest are kept.
        for version in 3..100 {
            desk.report_packages("web1", &good, packages(&version.to_string())).unwrap();
        }
        let kinds: Vec<GuestEventKind> = rig.store.events(&first.vm, 1).unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds.len(), 20);
        assert_eq!(kinds[0], GuestEventKind::Packages(packages("1")));
        assert_eq!(kinds[1], GuestEventKind::Packages(packages("81")));
        assert_eq!(kinds[19], GuestEventKind::Packages(packages("99")));
        // A rebuild makes another token, and the old system is heard no more.
        rig.store.put_record(&record(Phase::Ready, 0xef)).unwrap();
        assert_eq!(desk.knows_system("web1", &good), Err(Denied::UnknownToken));
    }
}
