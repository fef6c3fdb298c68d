//! Hiera data: any TOML but dates, to a sensible depth.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::excerpt::quote;
use super::problems::Problem;
use super::table::{Cx, FromToml, wrong_value};
use super::value::integer;
use crate::spec::PuppetValue;

/// Deepest nesting of Hiera data.
const DATA_DEPTH_MAX: usize = 20;

impl FromToml for PuppetValue {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        puppet_value(value, key, cx, 0)
    }
}

fn puppet_value(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>, depth: usize) -> Option<PuppetValue> {
    if depth > DATA_DEPTH_MAX {
        cx.report(Problem::new(cx.span(&value.span()), format!("data is nested more than {DATA_DEPTH_MAX} levels deep")));
        return None;
    }
    match value.get_ref() {
        DeValue::String(text) => Some(PuppetValue::String(text.as_ref().to_owned())),
        DeValue::Integer(_) => integer(value, key, cx).map(PuppetValue::Integer),
        DeValue::Float(number) => {
            let good = number.as_str().parse::<f64>().ok().filter(|n| n.is_finite());
            if good.is_none() {
                wrong_value(value, &quote(number.as_str()), "number", "a finite number", key, cx);
            }
            good.map(PuppetValue::Float)
        }
        DeValue::Boolean(good) => Some(PuppetValue::Bool(*good)),
        DeValue::Datetime(_) => {
            let problem = Problem::new(cx.span(&value.span()), "Hiera data has no dates");
            cx.report(problem.help("put it in quotes"));
            None
        }
        DeValue::Array(array) => {
            let good: Vec<_> = array.iter().filter_map(|element| puppet_value(element, key, cx, depth + 1)).collect();
            (good.len() == array.len()).then_some(PuppetValue::Array(good))
        }
        DeValue::Table(table) => {
            let good: BTreeMap<_, _> = table
                .iter()
                .filter_map(|(name, element)| {
                    let name = name.get_ref().as_ref();
                    Some((name.to_owned(), puppet_value(element, name, cx, depth + 1)?))
                })
                .collect();
            (good.len() == table.len()).then_some(PuppetValue::Hash(good))
        }
    }
}
