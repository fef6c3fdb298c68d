//! The nearest known name to a mistyped one, for help texts.

/// The name nearest to `wrong`, if one is near enough to be what was meant.
pub(crate) fn nearest<'n>(wrong: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = (wrong.chars().count() / 3).clamp(1, 3);
    // Long words are pasted rubbish, not typing errors; comparing them would not be linear.
    if wrong.len() > 64 {
        return None;
    }
    known
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_the_name_that_was_meant() {
        let known = ["timezone", "timesource", "url", "user"];
        assert_eq!(nearest("timezoen", known.into_iter()), Some("timezone"));
        assert_eq!(nearest("usr", known.into_iter()), Some("user"));
        assert_eq!(nearest("frobnicate", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(10_000), known.into_iter()), None);
    }
}
