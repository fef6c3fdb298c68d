//! "did you mean …?"

use super::excerpt::quote;

/// The name among `known` that `wrong` was most likely meant to be, if one is close enough to be worth a question.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Edit distance costs the product of both lengths: a hostile 1 MiB name gets no suggestion.
    if wrong.len() > 256 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len().max(wrong.len()) / 3))
        // The lesser name wins a tie, so that the report does not depend on the order of files.
        .min()
        .map(|(_, name)| name)
}

/// Help for an unknown name: the nearest known one, else all of them if they are few.
pub(crate) fn help_for<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    if let Some(name) = nearest(wrong, known.iter().copied()) {
        return Some(format!("did you mean {}?", quote(name)));
    }
    match known.as_slice() {
        [] => None,
        [only] => Some(format!("the only one there is: {}", quote(only))),
        few if few.len() <= 8 => Some(format!("there are {}", few.iter().map(|n| quote(n)).collect::<Vec<_>>().join(", "))),
        many => Some(format!("there are {} of them, none with a name like this", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_found_and_a_different_word_is_not() {
        let known = ["shop-web", "shop-db", "mail"];
        assert_eq!(nearest("shop-wbe", known), Some("shop-web"));
        assert_eq!(nearest("mial", known), Some("mail"));
        assert_eq!(nearest("printer", known), None);
    }
}
