//! Object identifiers of certificate extensions.
//!
//! Puppet knows some by short names, which a site may use and nothing else does: which name stands for which identifier is a
//! setting of each Puppet installation (`custom_trusted_oid_mapping.yaml`), the identifier is not.

use std::fmt;
use std::str::FromStr;

use super::IdError;

/// The arc of Puppet's extensions.
const PUPPET: &str = "1.3.6.1.4.1.34380.1.";

/// Short names below `1.3.6.1.4.1.34380.1.1`, in the order of their numbers, from 1.
const REGISTERED: [&str; 26] = [
    "pp_uuid",
    "pp_instance_id",
    "pp_image_name",
    "pp_preshared_key",
    "pp_cost_center",
    "pp_product",
    "pp_project",
    "pp_application",
    "pp_service",
    "pp_employee",
    "pp_created_by",
    "pp_environment",
    "pp_role",
    "pp_software_version",
    "pp_department",
    "pp_cluster",
    "pp_provisioner",
    "pp_region",
    "pp_datacenter",
    "pp_zone",
    "pp_network",
    "pp_securitypolicy",
    "pp_cloudplatform",
    "pp_apptier",
    "pp_hostname",
    "pp_owner",
];

/// An identifier in dotted form, such as `1.3.6.1.4.1.34380.1.1.13`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

impl Oid {
    /// The VM's UUID.
    pub const INSTANCE_ID: &str = "1.3.6.1.4.1.34380.1.1.2";
    /// A shared secret: never used, since whoever sees the certificate can read it.
    pub const PRESHARED_KEY: &str = "1.3.6.1.4.1.34380.1.1.4";
    /// The stage.
    pub const ENVIRONMENT: &str = "1.3.6.1.4.1.34380.1.1.12";
    /// The role.
    pub const ROLE: &str = "1.3.6.1.4.1.34380.1.1.13";
    /// PKCS #9 challengePassword: where the one-time token is.
    pub const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

    /// Dotted decimal numbers.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It gives rights on the Puppet server (`1.3.6.1.4.1.34380.1.3.…`), which no VM of ours may ask for.
    pub fn is_authorization(&self) -> bool {
        let arc = &PUPPET.trim_end_matches('.');
        self.0.strip_prefix(arc).is_some_and(|rest| rest == ".3" || rest.starts_with(".3."))
    }

    /// An extension that a site may set: Puppet's registered or private ones, none that gives rights, holds a secret or is ours.
    pub fn is_for_sites(&self) -> bool {
        let ours = [Self::INSTANCE_ID, Self::PRESHARED_KEY, Self::ENVIRONMENT, Self::ROLE];
        let arc = self.0.strip_prefix(PUPPET).and_then(|rest| rest.split_once('.'));
        arc.is_some_and(|(arc, _)| arc == "1" || arc == "2") && !ours.contains(&self.as_str())
    }
}

impl FromStr for Oid {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some(place) = REGISTERED.iter().position(|name| *name == text) {
            return Ok(Self(format!("{PUPPET}1.{}", place + 1)));
        }
        let number = |part: &str| {
            !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit()) && !has_leading_zero(part)
        };
        let parts: Vec<&str> = text.split('.').collect();
        // X.660: the first arc is 0, 1 or 2; below 0 and 1 there are 40 at most.
        let top = match parts[..] {
            ["0" | "1", second, ..] => second.len() <= 2 && second.parse::<u8>().is_ok_and(|n| n < 40),
            ["2", ..] => true,
            _ => false,
        };
        if text.len() <= 128 && parts.len() >= 2 && top && parts.iter().all(|part| number(part)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                what: "object identifier",
                expected: "numbers with dots, such as `1.3.6.1.4.1.34380.1.2.1`, or a name of Puppet's such as `pp_datacenter`",
            })
        }
    }
}

fn has_leading_zero(part: &str) -> bool {
    part.len() > 1 && part.starts_with('0')
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_the_numbers_that_puppet_gives_them() {
        for (name, oid) in [
            ("pp_instance_id", Oid::INSTANCE_ID),
            ("pp_preshared_key", Oid::PRESHARED_KEY),
            ("pp_environment", Oid::ENVIRONMENT),
            ("pp_role", Oid::ROLE),
            ("pp_owner", "1.3.6.1.4.1.34380.1.1.26"),
        ] {
            assert_eq!(name.parse::<Oid>().unwrap().as_str(), oid, "{name}");
        }
    }

    #[test]
    fn a_site_may_set_puppets_registered_and_private_extensions_and_no_others() {
        for (text, allowed) in [
            ("pp_datacenter", true),
            ("1.3.6.1.4.1.34380.1.2.1", true),
            ("1.3.6.1.4.1.34380.1.2.1.7", true),
            ("pp_role", false),
            ("pp_preshared_key", false),
            ("1.3.6.1.4.1.34380.1.3.1", false),
            ("1.3.6.1.4.1.34380.1.2", false),
            ("1.3.6.1.4.1.34380.1.22.1", false),
            ("2.5.29.17", false),
        ] {
            assert_eq!(text.parse::<Oid>().unwrap().is_for_sites(), allowed, "{text}");
        }
        for (text, gives_rights) in
            [("1.3.6.1.4.1.34380.1.3", true), ("1.3.6.1.4.1.34380.1.3.13.1", true), ("1.3.6.1.4.1.34380.1.33.1", false)]
        {
            assert_eq!(text.parse::<Oid>().unwrap().is_authorization(), gives_rights, "{text}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        for text in ["", "1", "3.1", "1.40", "1..2", "1.2.", ".1.2", "1.02", "pp_nothing", "1.3.6.1.4.1.34380.1.3.1 ", "1.2.x"] {
            assert!(text.parse::<Oid>().is_err(), "{text:?}");
        }
    }
}
