//! Stage repositories of a lab's own, with the guest's `shop-web` in them.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rekindle::execute::repo::{Asked, add, promote};
use rekindle::plan::repo::{PromotionRequest, Selection};
use rekindle::spec::{PromotionPolicy, RepositorySpec, StageName, Timestamp};
use rekindle::world::repo::{Repository, directory, gnupg_home};

use crate::lab::{Lab, guest};
use crate::rpms::RpmLab;

/// How long a promotion may take that nothing is waited for.
const SOON: Duration = Duration::from_secs(60);

/// The stages, and the keys and packages for them.
pub struct Stages {
    /// Where packages are signed; its signer is the site's key.
    pub rpms: RpmLab,
    own: Repository,
    policy: RepositorySpec,
}

impl Stages {
    /// Gives the lab's site these stages, in this order, each with what else its file says.
    ///
    /// # Panics
    /// When files cannot be written, or the site is not accepted.
    pub fn new(lab: &Lab, stages: &[(&str, &str)]) -> Self {
        let rpms = RpmLab::new();
        let names: Vec<String> = stages.iter().map(|(stage, _)| format!("\"{stage}\"")).collect();
        let text = std::fs::read_to_string(lab.path.join("site/site.toml")).expect("site.toml");
        let key = &rpms.signer;
        let repository = format!(
            "\n[repository]\nstages = [{}]\nkeyring = [\"{}\"]\nsigning_key = \"{}\"\n",
            names.join(", "),
            key.public,
            key.name
        );
        lab.write("site.toml", &(text + &repository));
        for (stage, rest) in stages {
            let text = format!("network = \"demo\"\npuppet_environment = \"production\"\n{rest}");
            lab.write(&format!("stages/{stage}.toml"), &text);
        }
        let state = lab.path.join("state");
        std::fs::create_dir_all(&state).expect("a directory");
        rpms.must("cp", &["-a", rpms.gnupg().as_str(), gnupg_home(&state).as_str()]);
        let spec = rekindle::site::load(&lab.path.join("site")).unwrap_or_else(|errors| panic!("{errors}"));
        let policy = spec.site.repository.clone().expect("a repository");
        let own = Repository::open(&directory(&state), &policy, &gnupg_home(&state)).expect("the repository");
        Self { rpms, own, policy }
    }

    /// The guest's `shop-web` of this version, signed.
    ///
    /// # Panics
    /// When the guest has none.
    pub fn signed(&self, version: &str) -> Utf8PathBuf {
        signed(&self.rpms, version)
    }

    /// `shop-web` of this version has been in every stage for long.
    ///
    /// # Panics
    /// When it does not enter.
    pub fn have_everywhere(&self, version: &str) {
        let (open, asked) = (PromotionPolicy::default(), asked());
        let file = self.signed(version);
        add(&self.own, &open, &self.policy.stages[0], std::slice::from_ref(&file), &asked).expect("it enters");
        for pair in self.policy.stages.windows(2) {
            let selection = Selection::Named(vec!["shop-web".to_owned()]);
            let request = PromotionRequest { selection, from: pair[0].clone(), to: pair[1].clone(), approved_by: None };
            promote(&self.own, &open, &request, &asked).expect("it moves");
        }
    }

    /// The first of the stages.
    pub fn first(&self) -> &StageName {
        &self.policy.stages[0]
    }
}

fn asked() -> Asked {
    Asked { by: "test".to_owned(), login: "test".to_owned(), note: String::new(), now: Timestamp(1_795_000_000_000) }
}

/// The guest's `shop-web` of this version, signed with the key of `rpms`.
///
/// # Panics
/// When the guest has none.
pub fn signed(rpms: &RpmLab, version: &str) -> Utf8PathBuf {
    let packages = guest().join("stages/dev/Packages");
    let mut files = packages.read_dir_utf8().expect("the guest's packages").map(|entry| entry.expect("one").into_path());
    let wanted = format!("shop-web-{version}-");
    let found = files.find(|path| path.file_name().is_some_and(|name| name.starts_with(&wanted))).expect("shop-web");
    let to = rpms.dir.join(found.file_name().expect("a name"));
    std::fs::copy(found, &to).expect("a copy");
    rpms.sign(std::slice::from_ref(&to), &rpms.signer);
    to
}

/// The version of `shop-web` that a VM's rpmdb has, as the agent knows it.
///
/// # Panics
/// When it knows of none.
pub fn runs(lab: &Lab, vm: &str) -> String {
    let status = lab.status(vm);
    let packages = status["packages"].as_array().cloned().unwrap_or_default();
    let shop = packages.iter().find(|package| package["name"] == "shop-web").unwrap_or_else(|| panic!("{status:#}"));
    shop["evr"].as_str().expect("a version").to_owned()
}

/// The last stage that `shop-web` of this version has reached.
///
/// # Panics
/// When it has not entered.
pub fn reached(lab: &Lab, version: &str) -> String {
    let told = lab.ok(&["repo", "timeline", &format!("shop-web-{version}"), "--json"]);
    let timeline: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    timeline["reached"].as_str().unwrap_or_default().to_owned()
}

/// Waits until `shop-web` of this version is in `stage`.
///
/// # Panics
/// When that takes too long.
#[track_caller]
pub fn wait_until_reached(lab: &Lab, version: &str, stage: &str) {
    let begin = Instant::now();
    while reached(lab, version) != stage {
        let told = || lab.ok(&["repo", "timeline", &format!("shop-web-{version}")]);
        assert!(begin.elapsed() < SOON, "it does not reach {stage}: {}\n{}", told(), lab.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}
