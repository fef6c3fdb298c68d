//! Sizes and spans of time, written with their units: a bare number leaves room for a mistake of a factor of a thousand.

use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::excerpt::quote;
use super::table::{Cx, FromToml, wrong_type, wrong_value};

/// A size in MiB, written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mib(pub(crate) u64);

/// Largest size that is taken seriously: 1 PiB.
const SIZE_MAX_MIB: u64 = 1 << 30;
const SIZE_EXPECTED: &str = "a whole number and `MiB`, `GiB` or `TiB`, such as `2 GiB`";

impl FromStr for Mib {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit.strip_prefix(' ').unwrap_or(unit) {
            "MiB" => 1,
            "GiB" => 1 << 10,
            "TiB" => 1 << 20,
            _ => return Err(()),
        };
        let number: u64 = number.parse().map_err(|_| ())?;
        number.checked_mul(factor).filter(|mib| *mib <= SIZE_MAX_MIB).map(Self).ok_or(())
    }
}

impl FromToml for Mib {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => {
                let good = text.parse().ok();
                if good.is_none() {
                    wrong_value(value, &quote(text), "size", SIZE_EXPECTED, key, cx);
                }
                good
            }
            DeValue::Integer(number) => {
                wrong_value(value, &quote(number.as_str()), "size", SIZE_EXPECTED, key, cx);
                None
            }
            _ => {
                wrong_type(value, "a string", key, cx);
                None
            }
        }
    }
}

/// A size in whole GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gib(pub(crate) u64);

impl FromToml for Gib {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        let Mib(mib) = Mib::from_toml(value, key, cx)?;
        if mib > 0 && mib.is_multiple_of(1024) {
            return Some(Self(mib / 1024));
        }
        wrong_value(value, &quote(&format!("{mib} MiB")), "disk size", "at least 1 GiB, in whole GiB", key, cx);
        None
    }
}

/// A span of time, written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

/// Longest span that is taken seriously: ten years.
const SPAN_MAX_SECONDS: u64 = 10 * 366 * 86_400;
const SPAN_EXPECTED: &str = "a whole number and `s`, `m`, `h` or `d`, such as `45m`";

impl FromStr for Span {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(()),
        };
        let number: u64 = number.parse().map_err(|_| ())?;
        let seconds = number.checked_mul(factor).filter(|s| (1..=SPAN_MAX_SECONDS).contains(s)).ok_or(())?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

impl FromToml for Span {
    fn from_toml(value: &Spanned<DeValue<'_>>, key: &str, cx: &Cx<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => {
                let good = text.parse().ok();
                if good.is_none() {
                    wrong_value(value, &quote(text), "span of time", SPAN_EXPECTED, key, cx);
                }
                good
            }
            DeValue::Integer(number) => {
                wrong_value(value, &quote(number.as_str()), "span of time", SPAN_EXPECTED, key, cx);
                None
            }
            _ => {
                wrong_type(value, "a string", key, cx);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_and_no_others() {
        for (text, mib) in [("512 MiB", 512), ("2GiB", 2048), ("1 TiB", 1 << 20), ("0 MiB", 0)] {
            assert_eq!(text.parse(), Ok(Mib(mib)), "{text}");
        }
        for bad in [
            "",
            "2",
            "2 GB",
            "2G",
            "GiB",
            "-1 GiB",
            "1.5 GiB",
            "2  GiB",
            "2 GiB ",
            "99999999999999999999 GiB",
            "18014398509481985 GiB",
            "2048 TiB",
        ] {
            assert_eq!(bad.parse::<Mib>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn spans_have_one_unit_and_are_not_nothing() {
        for (text, seconds) in [("1s", 1), ("45m", 2700), ("2h", 7200), ("30d", 30 * 86_400)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(seconds))), "{text}");
        }
        for bad in ["", "0s", "5", "m", "5 m", "1h30m", "-1s", "4000d", "99999999999999999999s"] {
            assert_eq!(bad.parse::<Span>(), Err(()), "{bad}");
        }
    }
}
