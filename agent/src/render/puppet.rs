//! What a VM's handoff to Puppet adds to the site's `puppet/` directory: classes and Hiera data of one VM. Pure.
//!
//! The archive's root becomes the environment's directory in the guest (`partials/handoff.ks.tera`). Data goes in as Hiera's
//! *global* layer, which comes before whatever the site's own `hiera.yaml` says, so a site need not know of it; a site that
//! wants to can name the same file as a level of its own (`data/nodes/CERTNAME.yaml`).

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde_json::{Map, Value};

use crate::spec::{PuppetName, PuppetSpec, PuppetValue, Spec, VmSpec};

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
    data(&puppet.classes, puppet.data.iter())
}

fn data<'a>(classes: &[PuppetName], values: impl Iterator<Item = (&'a String, &'a PuppetValue)>) -> String {
    let mut data: Map<String, Value> = values.map(|(key, value)| (key.clone(), json(value))).collect();
    let classes = classes.iter().map(|class| Value::String(class.to_string()));
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

/// What a Puppet server is given of the site: Hiera's configuration, each role's data, and of each VM what differs from its role,
/// by path. A whole value at the VM takes the place of the role's, so that a plain look-up finds what `puppet apply` finds.
pub fn hiera_files(spec: &Spec) -> BTreeMap<Utf8PathBuf, String> {
    let mut files = BTreeMap::from([(Utf8PathBuf::from("hiera.yaml"), server_hiera())]);
    for vm in spec.vms.values() {
        let Some(puppet) = &vm.puppet else { continue };
        if !puppet.role_data.is_empty() || !puppet.role_classes.is_empty() {
            let path = Utf8PathBuf::from(format!("role/{}.yaml", vm.role));
            files.entry(path).or_insert_with(|| data(&puppet.role_classes, puppet.role_data.iter()));
        }
        let own = || puppet.data.iter().filter(|(key, value)| puppet.role_data.get(*key) != Some(value));
        if puppet.classes != puppet.role_classes || own().next().is_some() {
            files.insert(Utf8PathBuf::from(format!("nodes/{}.yaml", vm.fqdn)), data(&puppet.classes, own()));
        }
    }
    files
}

/// The classification of a VM as Puppet's `exec` node terminus expects it. Data is Hiera's, parameters only say whose it is.
pub fn classification(spec: &Spec, vm: &VmSpec, puppet: &PuppetSpec) -> String {
    let classes = puppet.classes.iter().map(|class| (class.to_string(), Value::Object(Map::new())));
    let team = vm.team.as_ref().map_or(Value::Null, |team| Value::String(team.to_string()));
    document(serde_json::json!({
        "environment": puppet.environment.as_str(),
        "classes": classes.collect::<Map<_, _>>(),
        "parameters": {
            "rekindle_vm": vm.name.as_str(),
            "rekindle_role": vm.role.as_str(),
            "rekindle_stage": vm.stage.as_str(),
            "rekindle_size": vm.size.as_str(),
            "rekindle_team": team,
            "rekindle_hypervisor": vm.hypervisor.as_str(),
            "rekindle_site": spec.site.name,
            "rekindle_revision": spec.revision,
        },
    }))
}

/// Keyed by what the certificate says, which a VM cannot change.
fn server_hiera() -> String {
    document(serde_json::json!({
        "version": 5,
        "hierarchy": [{
            "name": "the site's VMs and roles",
            "data_hash": "yaml_data",
            "datadir": ".",
            "paths": ["nodes/%{trusted.certname}.yaml", "role/%{trusted.extensions.pp_role}.yaml"],
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
    use super::*;
    use crate::spec::PuppetMode;

    #[test]
    fn a_vms_file_has_what_differs_from_its_roles() {
        let mut spec = crate::spec::sample::spec("/srv".into());
        let text = |text: &str| PuppetValue::String(text.to_owned());
        let role_data = BTreeMap::from([("a".to_owned(), text("role")), ("b".to_owned(), text("role"))]);
        let mut data = role_data.clone();
        data.insert("b".to_owned(), text("vm"));
        let class = |name: &str| name.parse::<PuppetName>().unwrap();
        let mut web1 = spec.vms["web1"].clone();
        web1.puppet = Some(PuppetSpec {
            mode: PuppetMode::Server,
            environment: "dev".parse().unwrap(),
            classes: vec![class("role::web")],
            data,
            role_classes: vec![class("role::web")],
            role_data: role_data.clone(),
        });
        let mut web2 = web1.clone();
        web2.name = "web2".parse().unwrap();
        web2.fqdn = "web2.example.com".parse().unwrap();
        web2.puppet.as_mut().unwrap().data = role_data;
        spec.vms = [web1, web2].into_iter().map(|vm| (vm.name.clone(), vm)).collect();
        let files = hiera_files(&spec);
        let paths: Vec<&str> = files.keys().map(|path| path.as_str()).collect();
        assert_eq!(paths, ["hiera.yaml", "nodes/web1.example.com.yaml", "role/web.yaml"], "web2 differs in nothing");
        let read = |path: &str| serde_json::from_str::<Value>(&files[camino::Utf8Path::new(path)]).unwrap();
        assert_eq!(read("role/web.yaml"), serde_json::json!({"classes": ["role::web"], "a": "role", "b": "role"}));
        assert_eq!(read("nodes/web1.example.com.yaml"), serde_json::json!({"classes": ["role::web"], "b": "vm"}));
    }

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
            role_classes: Vec::new(),
            role_data: BTreeMap::new(),
        };
        let read: Value = serde_json::from_str(&node_data(&puppet)).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"classes": ["shop::web"], "shop::web::text": text, "shop::web::opts": {"on": [true]}})
        );
        assert_eq!(manifest(&puppet).lines().last(), Some("include shop::web"));
    }
}
