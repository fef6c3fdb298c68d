//! SARIF 2.1.0, for programs that collect the findings of many tools.

use std::fmt::Write as _;

use super::json::quote;
use crate::diagnostic::{Diagnostic, Severity};

/// Renders the findings of all files (name and diagnostics) as one SARIF log.
///
/// ```
/// use kickstart::{Release, check, report};
/// let found = check("lagn en_US\n", Release::Rhel9);
/// let log = report::sarif::render(&[("web1.ks", found.diagnostics())]);
/// assert!(log.contains(r#""ruleId":"unknown-command""#) && log.contains(r#""startLine":1"#));
/// ```
pub fn render(files: &[(&str, &[Diagnostic])]) -> String {
    let mut codes: Vec<&str> = files.iter().flat_map(|(_, found)| found.iter().map(|diagnostic| diagnostic.code)).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<String> = codes.iter().map(|code| format!("{{\"id\":{}}}", quote(code))).collect();
    let mut out = format!(
        "{{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":\
         {{\"name\":\"rekindle\",\"version\":{},\"rules\":[{}]}}}},\"columnKind\":\"unicodeCodePoints\",\"results\":[",
        quote(env!("CARGO_PKG_VERSION")),
        rules.join(",")
    );
    let all = files.iter().flat_map(|(name, found)| found.iter().map(move |diagnostic| (name, diagnostic)));
    for (index, (name, diagnostic)) in all.enumerate() {
        let level = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let comma = if index > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "{comma}{{\"ruleId\":{},\"level\":\"{level}\",\"message\":{{\"text\":{}}},\"locations\":[{{\"physicalLocation\":\
             {{\"artifactLocation\":{{\"uri\":{}}},\"region\":{{\"startLine\":{},\"startColumn\":{}}}}}}}]}}",
            quote(diagnostic.code),
            quote(&diagnostic.message),
            quote(name),
            diagnostic.line,
            diagnostic.column
        );
    }
    out.push_str("]}]}\n");
    out
}
