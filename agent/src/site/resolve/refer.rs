//! Looks up names that one file writes and another defines.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::site::excerpt::quote;
use crate::site::problems::{At, Problem, Problems};
use crate::site::suggest;

/// What a name refers to, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noun {
    /// `role`
    pub(super) what: &'static str,
    /// The directory or file that defines them: `roles`.
    pub(super) home: &'static str,
}

pub(super) const OS: Noun = Noun { what: "OS", home: "os" };
pub(super) const STAGE: Noun = Noun { what: "stage", home: "stages" };
pub(super) const ROLE: Noun = Noun { what: "role", home: "roles" };
pub(super) const SIZE: Noun = Noun { what: "size", home: "sizes.toml" };
pub(super) const NETWORK: Noun = Noun { what: "network", home: "networks" };
pub(super) const TEAM: Noun = Noun { what: "team", home: "teams" };
pub(super) const HYPERVISOR: Noun = Noun { what: "hypervisor", home: "hypervisors" };

/// The entry of `map` that `at` names; an unknown name is reported with the nearest known one.
pub(super) fn look_up<'m, N, T>(noun: Noun, map: &'m BTreeMap<N, T>, at: &At<N>, problems: &Problems) -> Option<&'m T>
where
    N: Ord + Borrow<str>,
{
    let found = map.get::<N>(&at.value);
    if found.is_none() && !problems.is_incomplete(noun.home) {
        let name: &str = at.value.borrow();
        let Noun { what, home } = noun;
        let help = suggest::help_for(name, map.keys().map(Borrow::borrow)).unwrap_or_else(|| {
            if home == SIZE.home { format!("add `[{name}]` to {home}") } else { format!("create {home}/{name}.toml") }
        });
        problems.push(Problem::new(at.span, format!("unknown {what} {}", quote(name))).help(help));
    }
    found
}
