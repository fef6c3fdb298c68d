//! Filters of templates and the guard of what is written without one.
//!
//! Whatever a template prints is either a plain word or has passed through `ks` or `sh`, else the rendering fails: quoting cannot
//! be forgotten. Both filters refuse line breaks and control characters, which no quoting makes safe in a kickstart.

use std::io::{self, Write};

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

/// Registers filters and guard.
pub(super) fn register(tera: &mut Tera) {
    tera.autoescape_on([".tera"]);
    tera.set_escape_fn(write_plain);
    tera.register_filter("ks", ks);
    tera.register_filter("sh", sh);
}

/// Characters that mean nothing to a kickstart, a shell, or a systemd unit.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/:@+=,".contains(c)
}

/// Writes `text` if it is one plain word (or empty), else fails.
fn write_plain(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if text.chars().all(is_plain) {
        out.write_all(text.as_bytes())
    } else {
        // The text itself may be a secret.
        Err(io::Error::from(io::ErrorKind::InvalidData))
    }
}

fn refuse_control(text: &str) -> TeraResult<()> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        Err(Error::message("the value has a line break or another control character, which cannot be quoted"))
    } else {
        Ok(())
    }
}

/// One word of a kickstart command (Anaconda splits lines as a POSIX shell does, without expansion).
fn ks(text: &str, _: Kwargs, _: &State) -> TeraResult<Value> {
    refuse_control(text)?;
    if !text.is_empty() && text.chars().all(|c| is_plain(c) || c == '$') {
        return Ok(Value::safe_string(text));
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(Value::safe_string(&quoted))
}

/// One word of a shell command.
fn sh(text: &str, _: Kwargs, _: &State) -> TeraResult<Value> {
    refuse_control(text)?;
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(Value::safe_string(text));
    }
    Ok(Value::safe_string(&format!("'{}'", text.replace('\'', r"'\''"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, value: &str, expected: Option<&str>) {
        let mut tera = Tera::new();
        register(&mut tera);
        tera.add_raw_template("t.tera", template).unwrap();
        let mut context = tera::Context::new();
        context.insert("v", value);
        assert_eq!(tera.render("t.tera", &context).ok().as_deref(), expected, "{template} {value:?}");
    }

    #[test]
    fn values_are_quoted_for_where_they_stand() {
        check("{{ v | ks }}", "a.b-c", Some("a.b-c"));
        check("{{ v | ks }}", "a b", Some("\"a b\""));
        check("{{ v | ks }}", "a\"b\\", Some("\"a\\\"b\\\\\""));
        check("{{ v | ks }}", "a#b", Some("\"a#b\""));
        check("{{ v | ks }}", "", Some("\"\""));
        check("{{ v | ks }}", "$6$salt$hash", Some("$6$salt$hash"));
        check("{{ v | sh }}", "a.b", Some("a.b"));
        check("{{ v | sh }}", "a'b", Some(r"'a'\''b'"));
        check("{{ v | sh }}", "$(id)", Some("'$(id)'"));
        check("{{ v | sh }}", "", Some("''"));
    }

    #[test]
    fn nothing_quotes_a_line_break() {
        for value in ["a\nb", "a\rb", "a\0b", "a\u{2028}b"] {
            check("{{ v | ks }}", value, None);
            check("{{ v | sh }}", value, None);
        }
    }

    #[test]
    fn a_value_without_a_filter_must_be_a_plain_word() {
        check("{{ v }}", "52:54:00:12:34:56", Some("52:54:00:12:34:56"));
        for value in ["a b", "a\nb", "$x", "a;b", "'", "%post", "a#b"] {
            check("{{ v }}", value, None);
        }
    }
}
