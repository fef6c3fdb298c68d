//! The `Range` header of a request for a file (RFC 9110 §14). Pure.

/// A satisfiable part of a file: first byte and length, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) len: u64,
}

/// What a `Range` header comes to for a file of a known size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file: no range, one we do not know, or one that asks for more than the file.
    Whole,
    /// These parts, at least one.
    Parts(Vec<Part>),
    /// No part of the file is among them.
    Nothing,
}

/// More parts than this are answered with the whole file: zchunk asks for many, an attack for more.
const MAX_PARTS: usize = 128;

/// Reads the value of a `Range` header.
pub(super) fn parse(header: &str, size: u64) -> Wanted {
    let Some(list) = header.trim().strip_prefix("bytes=") else { return Wanted::Whole };
    let mut parts = Vec::new();
    let mut asked = 0usize;
    for item in list.split(',') {
        let item = item.trim();
        if item.is_empty() {
            continue;
        }
        asked += 1;
        if asked > MAX_PARTS {
            return Wanted::Whole;
        }
        match one(item, size) {
            One::Within(part) => parts.push(part),
            One::Beyond => {}
            // The header as a whole is to be ignored.
            One::Nonsense => return Wanted::Whole,
        }
    }
    let total: u64 = parts.iter().map(|part| part.len).fold(0, u64::saturating_add);
    match (asked, parts.is_empty()) {
        (0, _) => Wanted::Whole,
        (_, true) => Wanted::Nothing,
        // Overlapping parts that add up to more than the file only cost.
        _ if total > size => Wanted::Whole,
        _ => Wanted::Parts(parts),
    }
}

/// One item of the list.
enum One {
    Within(Part),
    Beyond,
    Nonsense,
}

fn one(item: &str, size: u64) -> One {
    let Some((from, to)) = item.split_once('-') else { return One::Nonsense };
    let within = |start: u64, len: u64| if len > 0 { One::Within(Part { start, len }) } else { One::Beyond };
    match (number(from), number(to)) {
        (Number::Absent, Number::Is(last)) => within(size - last.min(size), last.min(size)),
        (Number::Is(start), Number::Absent) => within(start, size.saturating_sub(start)),
        (Number::Is(start), Number::Is(end)) if end >= start => {
            within(start, size.min(end.saturating_add(1)).saturating_sub(start))
        }
        _ => One::Nonsense,
    }
}

enum Number {
    Absent,
    Is(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::Absent,
        // More digits than a u64 has means "beyond everything".
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => Number::Is(digits.parse().unwrap_or(u64::MAX)),
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, size: u64, expected: &[(u64, u64)]) {
        let parts = expected.iter().map(|&(start, len)| Part { start, len }).collect();
        assert_eq!(parse(header, size), Wanted::Parts(parts), "{header} of {size}");
    }

    #[test]
    fn parts_are_cut_to_the_file() {
        check("bytes=0-0", 10, &[(0, 1)]);
        check("bytes=2-5", 10, &[(2, 4)]);
        check("bytes=2-", 10, &[(2, 8)]);
        check("bytes=5-99999999999999999999999", 10, &[(5, 5)]);
        check("bytes=-3", 10, &[(7, 3)]);
        check("bytes=-30", 10, &[(0, 10)]);
        check("bytes= 0-1 , 4-5,, -1", 10, &[(0, 2), (4, 2), (9, 1)]);
        check("bytes=0-1,50-60", 10, &[(0, 2)]);
    }

    #[test]
    fn parts_beyond_the_file_are_nothing() {
        for (header, size) in [("bytes=10-", 10), ("bytes=10-20,30-40", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)] {
            assert_eq!(parse(header, size), Wanted::Nothing, "{header} of {size}");
        }
    }

    #[test]
    fn headers_without_sense_mean_the_whole_file() {
        let many = format!("bytes={}", "0-0,".repeat(MAX_PARTS + 1));
        for header in [
            "",
            "bytes=",
            "bytes=,",
            "lines=0-1",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=-",
            "bytes=1",
            "bytes=+1-2",
            "bytes=0-9,0-9",
            &many,
        ] {
            assert_eq!(parse(header, 10), Wanted::Whole, "{header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parts_never_leave_the_file(header in "bytes=[0-9, -]{0,40}", size in 0u64..200) {
            if let Wanted::Parts(parts) = parse(&header, size) {
                assert!(!parts.is_empty());
                assert!(parts.iter().all(|part| part.len > 0 && part.start + part.len <= size));
            }
        }
    }
}
