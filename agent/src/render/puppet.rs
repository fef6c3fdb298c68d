//! What a VM's handoff to Puppet adds to the site's `puppet/` directory: classes and Hiera data of one VM. Pure.
//!
//! The archive's root becomes the environment's directory in the guest (`partials/handoff.ks.tera`). Data goes in as Hiera's
//! *global* layer, which comes before whatever the site's own `hiera.yaml` says, so a site need not know of it; a site that
//! wants to can name the same file as a level of its own (`data/nodes/CERTNAME.yaml`).

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use crate::spec::{PuppetSpec, PuppetValue, VmSpec};

/// Path of the generated `hiera.yaml` within the archive.
pub(super) const GLOBAL_HIERA: &str = "rekindle/hiera.yaml";

/// Path of the generated manifest within the archive. Puppet reads all of `manifests/`, in the order of names.
const MANIFEST: &str = "manifests/zz_rekindle.pp";

/// The generated files of the archive, by path. They win over files of the site with the same path.
pub fn puppet_files(vm: &VmSpec, puppet: &PuppetSpec) -> Vec<(Utf8PathBuf, String)> {
    vec![
        (node_data_path(vm), node_data(puppet)),
        (Utf8PathBuf::from(GLOBAL_HIERA), global_hiera(vm)),
        (Utf8PathBuf::from(MANIFEST), manifest(puppet)),
    ]
}

/// The path of the VM's own data within the archive.
fn node_data_path(vm: &VmSpec) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("data/nodes/{}.yaml", vm.fqdn))
}

/// The VM's own data, its classes under the key `classes`. It is JSON, which is YAML too and leaves nothing to be guessed about
/// quoting; Hiera's own `%{…}` works in it.
pub fn node_data(puppet: &PuppetSpec) -> String {
    let mut data: Map<String, Value> = puppet.data.iter().map(|(key, value)| (key.clone(), json(value))).collect();
    let classes = puppet.classes.iter().map(|class| Value::String(class.to_string()));
    data.insert("classes".to_owned(), Value::Array(classes.collect()));
    document(Value::Object(data))
}

fn global_hiera(vm: &VmSpec) -> String {
    document(serde_json::json!({
        "version": 5,
        "hierarchy": [{
            "name": "VM of the site",
            "data_hash": "yaml_data",
            "datadir": "../data/nodes",
            "path": format!("{}.yaml", vm.fqdn),
        }],
    }))
}

/// Puppet may be told of a class more than once, so a site's own manifest can include the same ones.
fn manifest(puppet: &PuppetSpec) -> String {
    puppet.classes.iter().fold("# Classes of this VM in the site.\n".to_owned(), |mut text, class| {
        text.push_str("include ");
        text.push_str(class.as_str());
        text.push('\n');
        text
    })
}

fn document(value: Value) -> String {
    // Values of these types cannot fail to be written, and `Value` prints as JSON.
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}

fn json(value: &PuppetValue) -> Value {
    match value {
        PuppetValue::Bool(value) => Value::Bool(*value),
        PuppetValue::Integer(value) => Value::from(*value),
        PuppetValue::Float(value) => Value::from(*value),
        PuppetValue::String(value) => Value::String(value.clone()),
        PuppetValue::Array(values) => Value::Array(values.iter().map(json).collect()),
        PuppetValue::Hash(values) => Value::Object(values.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::spec::PuppetMode;

    #[test]
    fn hostile_text_stays_data() {
        let text = "a\"b\n---\n- #: {{ y }} %end\n\u{2028}".to_owned();
        let nested = PuppetValue::Hash(BTreeMap::from([("on".to_owned(), PuppetValue::Array(vec![PuppetValue::Bool(true)]))]));
        let puppet = PuppetSpec {
            mode: PuppetMode::Apply,
            environment: "production".parse().unwrap(),
            classes: vec!["shop::web".parse().unwrap()],
            data: BTreeMap::from([
                ("shop::web::text".to_owned(), PuppetValue::String(text.clone())),
                ("shop::web::opts".to_owned(), nested),
            ]),
        };
        let read: Value = serde_json::from_str(&node_data(&puppet)).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"classes": ["shop::web"], "shop::web::text": text, "shop::web::opts": {"on": [true]}})
        );
        assert_eq!(manifest(&puppet).lines().last(), Some("include shop::web"));
    }
}
