//! A VM's own Hiera data: what the site says of its classes and parameters, as one file of the Puppet archive.
//!
//! The install desk puts it into the archive, `rekindle diff` shows how it changes. Pure.

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use crate::spec::{PuppetSpec, PuppetValue, VmSpec};

/// The file's path within the Puppet archive: the level `nodes/%{trusted.certname}.yaml` of the site's `hiera.yaml`.
pub fn node_data_path(vm: &VmSpec) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("data/nodes/{}.yaml", vm.fqdn))
}

/// The file's text. It is JSON, which is YAML too and leaves nothing to be guessed about quoting.
pub fn node_data(puppet: &PuppetSpec) -> String {
    let mut data: Map<String, Value> = puppet.data.iter().map(|(key, value)| (key.clone(), json(value))).collect();
    let classes = puppet.classes.iter().map(|class| Value::String(class.to_string()));
    data.insert("classes".to_owned(), Value::Array(classes.collect()));
    // Values of these types cannot fail to be written.
    let mut text = serde_json::to_string_pretty(&Value::Object(data)).unwrap_or_default();
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
    fn classes_and_data_are_one_document_with_hostile_text_as_data() {
        let text = "a\"b\n%{::x} {{ y }}: - #".to_owned();
        let nested = PuppetValue::Hash(BTreeMap::from([("on".to_owned(), PuppetValue::Bool(true))]));
        let puppet = PuppetSpec {
            mode: PuppetMode::Apply,
            environment: "production".parse().expect("environment"),
            classes: vec!["shop::web".parse().expect("class")],
            data: BTreeMap::from([
                ("shop::web::text".to_owned(), PuppetValue::String(text.clone())),
                ("shop::web::opts".to_owned(), nested),
            ]),
        };
        let read: Value = serde_json::from_str(&node_data(&puppet)).expect("JSON");
        assert_eq!(
            read,
            serde_json::json!({
                "classes": ["shop::web"], "shop::web::text": text, "shop::web::opts": { "on": true },
            })
        );
    }
}
