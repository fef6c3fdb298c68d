//! What `render` and `world` share about XML: how a value is quoted, and our mark in libvirt's definitions.
//!
//! A domain or network that carries an element of [`NAMESPACE`] in its `<metadata>` is ours; anything else is somebody else's
//! and is never touched. Nothing else in the project builds XML from text by hand.

use std::fmt;

use roxmltree::{Document, Node};

use crate::spec::{Owner, VmName};

/// Our XML namespace, for good: definitions made by older versions carry it too.
pub const NAMESPACE: &str = "https://rekindle.dev/xmlns/domain/1.0";

/// A value inside an element or a quoted attribute, escaped for both.
///
/// Characters that XML 1.0 cannot hold become U+FFFD; line breaks and tabs become character references, as a parser would
/// otherwise turn them into blanks within attributes.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_str("\u{fffd}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Our mark as the element that goes into a domain's `<metadata>`.
pub fn owner_element(owner: &Owner) -> String {
    format!(
        "<rekindle:vm xmlns:rekindle=\"{NAMESPACE}\" site=\"{}\" name=\"{}\" attempt=\"{}\" installing=\"{}\" digest=\"{}\"/>",
        Text(&owner.site),
        Text(owner.vm.as_str()),
        owner.attempt,
        if owner.installing { "yes" } else { "no" },
        Text(&owner.digest),
    )
}

/// Reads [`owner_element`] back from a whole domain definition. None where there is no such element or it is not whole.
pub fn parse_owner(xml: &str) -> Option<Owner> {
    let document = Document::parse(xml).ok()?;
    read_owner(our_element(&document, "vm")?)
}

/// Reads [`owner_element`] back from what libvirt hands out when asked for [`NAMESPACE`]: the element without its namespace.
pub fn parse_owner_answer(xml: &str) -> Option<Owner> {
    let document = Document::parse(xml).ok()?;
    Some(document.root_element()).filter(|root| root.tag_name().name() == "vm").and_then(read_owner)
}

fn read_owner(element: Node<'_, '_>) -> Option<Owner> {
    Some(Owner {
        site: element.attribute("site")?.to_owned(),
        vm: element.attribute("name")?.parse::<VmName>().ok()?,
        attempt: element.attribute("attempt")?.parse().ok()?,
        installing: element.attribute("installing")? == "yes",
        digest: element.attribute("digest")?.to_owned(),
    })
}

/// Our mark as the element that goes into a network's `<metadata>`.
pub fn network_element(digest: &str) -> String {
    format!("<rekindle:network xmlns:rekindle=\"{NAMESPACE}\" digest=\"{}\"/>", Text(digest))
}

/// The digest in our mark on a network definition; none where it is not ours.
pub fn parse_network_digest(xml: &str) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    Some(our_element(&document, "network")?.attribute("digest")?.to_owned())
}

/// Our element `name`, directly within the root's `<metadata>`.
fn our_element<'a, 'input>(document: &'a Document<'input>, name: &str) -> Option<Node<'a, 'input>> {
    let metadata = document.root_element().children().filter(|node| node.has_tag_name("metadata"));
    metadata.flat_map(|node| node.children()).find(|node| node.has_tag_name((NAMESPACE, name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner(site: &str, digest: &str) -> Owner {
        Owner {
            site: site.to_owned(),
            vm: "web1".parse().expect("a VM name"),
            attempt: 3,
            installing: true,
            digest: digest.to_owned(),
        }
    }

    #[test]
    fn the_mark_reads_back_from_a_definition_and_from_libvirts_answer() {
        let owner = owner("lab", "sha256:0a");
        let element = owner_element(&owner);
        let answer = "<vm site=\"lab\" name=\"web1\" attempt=\"3\" installing=\"yes\" digest=\"sha256:0a\"/>\n";
        assert_eq!(parse_owner_answer(answer), Some(owner.clone()));
        assert_eq!(parse_owner_answer(&element), Some(owner.clone()));
        let domain = format!("<domain type='qemu'><name>web1</name><metadata><x xmlns='urn:x'/>{element}</metadata></domain>");
        assert_eq!(parse_owner(&domain), Some(owner));
    }

    #[test]
    fn what_is_not_our_mark_is_nobodys() {
        for xml in [
            "",
            "<domain/>",
            "<domain><metadata/></domain>",
            "<domain><metadata><vm site='lab' name='web1' attempt='1' installing='no' digest='x'/></metadata></domain>",
            "<domain><metadata><r:vm xmlns:r='urn:other' site='lab' name='web1' attempt='1' installing='no' digest='x'/></metadata></domain>",
            &format!("<domain><metadata><r:vm xmlns:r='{NAMESPACE}' site='lab' name='web1'/></metadata></domain>"),
            &format!(
                "<domain><description><r:vm xmlns:r='{NAMESPACE}' site='lab' name='web1' attempt='1' installing='no' digest='x'/></description></domain>"
            ),
        ] {
            assert_eq!(parse_owner(xml), None, "{xml}");
        }
    }

    #[test]
    fn a_network_carries_its_digest() {
        let xml = format!("<network><name>lan</name><metadata>{}</metadata></network>", network_element("a&b"));
        assert_eq!(parse_network_digest(&xml).as_deref(), Some("a&b"));
        assert_eq!(parse_network_digest("<network><name>default</name></network>"), None);
    }

    proptest! {
        #[test]
        fn no_value_can_leave_its_place(value in any::<String>()) {
            let xml = format!("<a b=\"{0}\" c='{0}'>{0}</a>", Text(&value));
            let document = Document::parse(&xml).expect("well-formed whatever the value");
            let root = document.root_element();
            let legal = |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
            let expected: String = value.chars().map(|c| if legal(c) { c } else { '\u{fffd}' }).collect();
            prop_assert_eq!(root.attribute("b"), Some(expected.as_str()));
            prop_assert_eq!(root.attribute("c"), Some(expected.as_str()));
            prop_assert_eq!(root.text().unwrap_or_default(), expected.as_str());
            prop_assert_eq!(root.children().filter(Node::is_element).count(), 0);
        }
    }
}
