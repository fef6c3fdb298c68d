//! Reads kickstarts from standard input and prints a verdict for each: the library's side of
//! `kickstart/parity/parity.py`.
//!
//! Input: for each kickstart a line `RELEASE LENGTH` and then that many bytes. Output: a line
//! `A` (accepted), `D` (accepted but deprecated) or `R` (rejected), then the first error's code.

use std::error::Error;
use std::io::{BufRead, Read, Write};

use kickstart::{Release, check};

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut head = String::new();
    while input.read_line(&mut head)? > 0 {
        let (release, length) = head.trim_end().split_once(' ').ok_or("a head without a length")?;
        let release: Release = release.parse()?;
        let mut bytes = vec![0; length.parse()?];
        input.read_exact(&mut bytes)?;
        let report = check(&String::from_utf8(bytes)?, release);
        let verdict = match (report.is_ok(), report.is_deprecated()) {
            (false, _) => 'R',
            (true, true) => 'D',
            (true, false) => 'A',
        };
        let code = report.diagnostics().iter().max_by_key(|d| d.severity).map_or("", |d| d.code);
        writeln!(output, "{verdict} {code}")?;
        head.clear();
    }
    Ok(())
}
