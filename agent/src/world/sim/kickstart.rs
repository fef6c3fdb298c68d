//! The little that a simulated guest understands of its kickstart.

use std::net::IpAddr;

/// What a simulated guest takes from its kickstart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct KickstartFacts {
    /// Names in `%packages`, without groups and exclusions.
    pub(super) packages: Vec<String>,
    /// The fixed address of the first `network` line that has one.
    pub(super) address: Option<IpAddr>,
    /// Puppet runs at first boot.
    pub(super) puppet: bool,
    /// The name under which it asks a Puppet CA for a certificate before that.
    pub(super) certname: Option<String>,
}

impl KickstartFacts {
    pub(super) fn of(text: &str) -> Self {
        let server = text.contains("\nca_server = ");
        let puppet = server || text.contains("puppet.tar.gz") || text.contains("puppet apply");
        let certname = text.lines().find_map(|line| line.strip_prefix("certname = ")).filter(|_| server).map(str::to_owned);
        let mut facts = Self { puppet, certname, ..Self::default() };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            let word = line.split_whitespace().next().unwrap_or_default();
            match word {
                "%end" => section = "",
                _ if word.starts_with('%') => section = word,
                "network" if section.is_empty() && facts.address.is_none() => facts.address = fixed_address(line),
                _ if section == "%packages" && word.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
                    facts.packages.push(word.to_owned());
                }
                _ => {}
            }
        }
        facts
    }
}

fn fixed_address(line: &str) -> Option<IpAddr> {
    let option = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    let value = option("--ip=").or_else(|| option("--ipv6="))?.trim_matches(['"', '\'']);
    value.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_address_and_puppet_are_read_from_a_kickstart() {
        let facts = KickstartFacts::of(
            "network --bootproto=static --ip=10.0.0.7 --netmask=255.255.255.0\n%packages --nocore\n@core\nshop-web\n-kernel\n\
             # puppet\nchrony\n%end\n%post\ncurl http://x/install/t/puppet.tar.gz\n%end\n",
        );
        let packages = vec!["shop-web".to_owned(), "chrony".to_owned()];
        assert_eq!(facts, KickstartFacts { packages, address: Some([10, 0, 0, 7].into()), puppet: true, certname: None });
    }

    #[test]
    fn the_certname_is_read_where_there_is_a_ca() {
        let conf = "certname = web1.example.com\nca_server = puppet.example.com\n";
        assert_eq!(KickstartFacts::of(conf).certname.as_deref(), Some("web1.example.com"));
        assert_eq!(KickstartFacts::of("certname = web1.example.com\npuppet apply\n").certname, None);
    }

    #[test]
    fn an_ipv6_address_loses_its_prefix_length_and_dhcp_gives_none() {
        assert_eq!(
            KickstartFacts::of("network --noipv4 --ipv6=fd00::7/64").address,
            Some("fd00::7".parse().expect("an address"))
        );
        assert_eq!(KickstartFacts::of("network --bootproto=dhcp --ipv6=auto").address, None);
    }
}
