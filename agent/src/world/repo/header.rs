//! The front of a package, up to its payload, as whoever sent it wrote it: nothing of it can be believed yet.
//!
//! `copy` calls it before the `rpm` crate reads what comes out: lengths and places in a header are numbers of the sender, which the
//! crate takes for good. It looks at the frame only; whether the bytes are those that somebody signed is `keys`' question.

use std::io::{self, Read};

/// Bytes of the lead, which nobody reads any more.
const LEAD: usize = 96;
/// What a package begins with.
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// What a header begins with.
const HEADER_MAGIC: [u8; 3] = [0x8e, 0xad, 0xe8];
/// Bytes before a header's index.
const INTRO: usize = 16;
/// Bytes of an entry of the index.
const ENTRY: usize = 16;
/// Entries of a header at most: rpm's own limit.
const MOST_ENTRIES: u32 = 0xffff;
/// Bytes of a header's data at most: rpm's own limit.
const MOST_DATA: u32 = 0x0fff_ffff;

/// Lead, signature header and header of `input`, in which nothing points outside. The reason where it is no package.
pub(super) fn front(mut input: impl Read) -> Result<Vec<u8>, String> {
    let mut front = Vec::new();
    more(&mut input, &mut front, LEAD)?;
    if front[..4] != LEAD_MAGIC {
        return Err("it does not begin like one".to_owned());
    }
    let signature = header(&mut input, &mut front)?;
    more(&mut input, &mut front, signature.wrapping_neg() % 8)?;
    header(&mut input, &mut front)?;
    Ok(front)
}

/// Reads a header to the end of `front` and looks through its index. Bytes of its data.
fn header(input: &mut impl Read, front: &mut Vec<u8>) -> Result<usize, String> {
    let begin = front.len();
    more(input, front, INTRO)?;
    let intro = &front[begin..];
    if intro[..3] != HEADER_MAGIC {
        return Err(format!("there is no header at byte {begin}"));
    }
    let (entries, data) = (number(intro, 8), number(intro, 12));
    if entries > MOST_ENTRIES || data > MOST_DATA {
        return Err(format!("its header at byte {begin} has {entries} entries and {data} bytes, which is more than rpm reads"));
    }
    let (index, data) = (entries as usize * ENTRY, data as usize);
    more(input, front, index + data)?;
    let index = &front[begin + INTRO..begin + INTRO + index];
    match index.chunks_exact(ENTRY).find(|entry| !is_within(entry, data as u64)) {
        Some(entry) => Err(format!("tag {} of its header at byte {begin} lies outside of it", number(entry, 0))),
        None => Ok(data),
    }
}

/// Whether what an entry of the index stands for is in the header's `data` bytes.
fn is_within(entry: &[u8], data: u64) -> bool {
    let [at, count] = [8, 12].map(|at| u64::from(number(entry, at)));
    // Strings end where they end; each has a byte at least.
    let each = match number(entry, 4) {
        0 => 0,
        3 => 2,
        4 => 4,
        5 => 8,
        _ => 1,
    };
    at <= data && count * each <= data - at
}

/// A number of four bytes, which are there.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Reads `count` more bytes to the end of `front`; room is made for those that come, not for those that are announced.
fn more(input: &mut impl Read, front: &mut Vec<u8>, count: usize) -> Result<(), String> {
    let read = input.take(count as u64).read_to_end(front).map_err(|error: io::Error| error.to_string())?;
    if read == count { Ok(()) } else { Err(format!("it ends after {} bytes, in the middle of its header", front.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package's front with one header of `entries` (tag, type, place, count) and `data`, after an empty signature header.
    fn made(entries: &[[u32; 4]], data: &[u8]) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let mut bytes = LEAD_MAGIC.to_vec();
        bytes.resize(LEAD, 0);
        bytes.extend(words(&[0x8ead_e801, 0, 0, 0]));
        bytes.extend(words(&[0x8ead_e801, 0, entries.len() as u32, data.len() as u32]));
        entries.iter().for_each(|entry| bytes.extend(words(entry)));
        bytes.extend(data);
        bytes
    }

    #[track_caller]
    fn check(bytes: &[u8], refusal: Option<&str>) {
        match (front(bytes), refusal) {
            (Ok(_), None) => {}
            (Err(said), Some(part)) => assert!(said.contains(part), "{said}"),
            (said, refusal) => panic!("{said:?}, not {refusal:?}"),
        }
    }

    #[test]
    fn what_a_header_announces_is_within_it() {
        check(&made(&[[1000, 6, 0, 1]], b"app\0"), None);
        check(&made(&[[1000, 6, 0, 1], [1106, 4, 0, 1]], b"app\0"), None);
        for entry in [[1000, 6, 5, 1], [1000, 6, u32::MAX, 1], [1106, 4, 1, 1], [1106, 5, 0, u32::MAX], [1028, 7, 0, 5]] {
            check(&made(&[entry], b"app\0"), Some("lies outside of it"));
        }
    }

    #[test]
    fn what_is_no_package_is_told_apart() {
        let whole = made(&[[1000, 6, 0, 1]], b"app\0");
        let changed = |at: usize, with: [u8; 4]| {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&with);
            bytes
        };
        check(b"", Some("it ends after 0 bytes"));
        check(&whole[..whole.len() - 1], Some("it ends after 147 bytes"));
        check(&changed(0, *b"PK\x03\x04"), Some("it does not begin like one"));
        check(&changed(112, *b"BZh9"), Some("there is no header at byte 112"));
        check(&changed(120, [0x7f, 0xff, 0xff, 0xff]), Some("2147483647 entries"));
        check(&changed(124, [0xff, 0xff, 0xff, 0xff]), Some("more than rpm reads"));
        // Announced and not there: no room is made for it.
        check(&changed(124, [0x0f, 0xff, 0xff, 0xff]), Some("it ends after"));
    }
}
