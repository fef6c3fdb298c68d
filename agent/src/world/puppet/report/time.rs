//! Times as Puppet writes them: RFC 3339, with a blank in place of the `T` in older versions.

use crate::spec::Timestamp;

/// `2026-11-22T23:54:38.528823117+00:00` and its kin; none for what is no such time.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && hour < 24 && minute < 60 && second <= 60;
    if !in_range || !(1..=31).contains(&day) {
        return None;
    }
    let (millis, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let padded = format!("{:0<3}", &fraction[..digits]);
            (padded.get(..3)?.parse::<i64>().ok()?, &fraction[digits..])
        }
        None => (0, rest),
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone.trim())?;
    u64::try_from(seconds * 1000 + millis).ok().map(Timestamp)
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" || zone == "UTC" {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let number = |part: Option<&str>| part.filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok();
    let (hours, minutes) = (number(digits.get(..2))?, number(digits.get(2..))?);
    (digits.len() == 4 && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Days since 1970 of a civil date, after Howard Hinnant's "chrono-compatible low-level date algorithms".
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_puppet_writes() {
        for (text, expected) in [
            ("2026-11-22T23:54:38.528823117+00:00", "2026-11-22T23:54:38Z"),
            ("2026-11-22T23:54:38Z", "2026-11-22T23:54:38Z"),
            ("2026-11-22 23:54:38.528823 +00:00", "2026-11-22T23:54:38Z"),
            ("2026-11-23T01:54:38+02:00", "2026-11-22T23:54:38Z"),
            ("2026-11-22T18:24:38.5-0530", "2026-11-22T23:54:38Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text).map(|at| at.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("2026-11-22T23:54:38.5Z").map(|at| at.0 % 1000), Some(500));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2026-11-22",
            "2026-11-22T23:54",
            "2026-11-22T23:54:38",
            "2026-13-22T23:54:38Z",
            "2026-11-00T23:54:38Z",
            "2026-11-22T24:54:38Z",
            "2026-11-22T23:54:38+25:00",
            "2026-11-22T23:54:38+1",
            "-026-11-22T23:54:38Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2026-11-22T23:54:38.é",
            "2026-11-22T23:54:38.Z5",
            "+026-11-22T23:54:38Z",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
