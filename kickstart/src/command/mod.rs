//! What each command demands beyond its option table: one file per command (or per family of
//! commands that demand the same), found by [`check()`].
//!
//! Called by `crate::check` once a line's words fit its options. A check sees one [`Call`] and what
//! the lines before it left in [`State`]; it must never look at other lines or at a value's secrets.

mod autopart;
mod bootloader;
mod btrfs;
mod device;
mod displaymode;
mod driverdisk;
mod eula;
mod filesystem;
mod harddrive;
mod ignoredisk;
mod install;
mod keyboard;
mod logging;
mod logvol;
mod mount;
mod named;
mod network;
mod nvdimm;
mod ostreesetup;
mod part;
mod raid;
mod realm;
mod repo;
mod rescue;
mod rhsm;
mod rootpw;
mod services;
mod snapshot;
mod state;
mod timesource;
mod timezone;
mod updates;
mod url;
mod volgroup;
mod zfcp;

pub(crate) use state::State;

use crate::argparse::Matched;
use crate::check::{Line, Sink};
use crate::diagnostic::Severity;
use crate::release::Release;
use crate::source::Span;

/// One line of a command whose words fit its options.
pub(crate) struct Call<'a, 'd, 't> {
    pub(crate) line: &'a Line<'d, 't>,
    pub(crate) matched: &'a Matched<'d>,
}

impl<'d> Call<'_, 'd, '_> {
    pub(crate) fn release(&self) -> Release {
        self.line.release
    }

    /// Whether the option was given.
    pub(crate) fn has(&self, dest: &str) -> bool {
        self.matched.has(dest)
    }

    /// The option's text; empty if it was not given.
    pub(crate) fn text(&self, dest: &str) -> &'d str {
        self.matched.text(dest)
    }

    /// Whether the option was given a text that is not empty.
    pub(crate) fn is_filled(&self, dest: &str) -> bool {
        !self.text(dest).is_empty()
    }

    /// Whether the option was given a number other than 0.
    pub(crate) fn is_nonzero(&self, dest: &str) -> bool {
        self.matched.number(dest).is_some_and(|number| number != 0)
    }

    /// Whether the option was given `--` for a number, which argparse takes for nothing at all and
    /// Anaconda then cannot compare.
    pub(crate) fn is_void(&self, dest: &str) -> bool {
        self.matched.last(dest).is_some_and(|taken| taken.value.is_none())
    }

    /// Whether the option was given a list between commas with something in it.
    pub(crate) fn has_list(&self, dest: &str) -> bool {
        is_list(self.text(dest))
    }

    /// Where the option (or positional argument) stands; the command's name if it was not given.
    pub(crate) fn span(&self, dest: &str) -> Span {
        self.matched.last(dest).map_or(self.line.name.span, |taken| self.line.span(taken.word))
    }
}

/// Whether a list between commas has something in it.
pub(crate) fn is_list(text: &str) -> bool {
    text.split(',').any(|part| !part.trim().is_empty())
}

impl Sink<'_> {
    /// An error about `span`.
    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.push(Severity::Error, code, message.into(), span, None);
    }

    /// A warning about something deprecated, with what to write in its place.
    pub(crate) fn deprecated(&mut self, code: &'static str, message: impl Into<String>, span: Span, instead: &str) {
        self.push(Severity::Warning, code, message.into(), span, Some(instead.to_owned()));
    }
}

/// Checks one line of any command.
pub(crate) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    match call.line.row.object {
        "auth" => named::check_auth(call, sink),
        "autopart" => autopart::check(call, state, sink),
        "bootloader" => bootloader::check(call, sink),
        "btrfs" => btrfs::check(call, state, sink),
        "cdrom" | "hmc" => named::check_bare(call, sink),
        "cmdline" => displaymode::check(call, sink),
        "device" => device::check(call, state, sink),
        "dmraid" => device::check_dmraid(call, state, sink),
        "driverdisk" => driverdisk::check(call, sink),
        "eula" => eula::check(call, sink),
        "fcoe" => named::check_once(call, state, sink, "nic", "FCoE device"),
        "group" => named::check_once(call, state, sink, "name", "group"),
        "harddrive" => harddrive::check(call, state, sink),
        "ignoredisk" => ignoredisk::check(call, state, sink),
        "install" => install::check(call, sink),
        "keyboard" => keyboard::check(call, state, sink),
        "logging" => logging::check(call, state, sink),
        "logvol" => logvol::check(call, state, sink),
        "method" => install::check_method(call, sink),
        "mount" => mount::check(call, sink),
        "multipath" => device::check_multipath(call, state, sink),
        "network" => network::check(call, state, sink),
        "nvdimm" => nvdimm::check(call, state, sink),
        "ostreesetup" => ostreesetup::check(call, sink),
        "part" => part::check(call, state, sink),
        "raid" => raid::check(call, state, sink),
        "realm" => realm::check(call, state, sink),
        "repo" => repo::check(call, state, sink),
        "rescue" => rescue::check(call, sink),
        "rhsm" => rhsm::check(call, sink),
        "rootpw" => rootpw::check(call, sink),
        "services" => services::check(call, state, sink),
        "snapshot" => snapshot::check(call, state, sink),
        "sshkey" => named::check_once(call, state, sink, "username", "SSH key of user"),
        "sshpw" => rootpw::check_sshpw(call, state, sink),
        "timesource" => timesource::check(call, sink),
        "timezone" => timezone::check(call, state, sink),
        "updates" => updates::check(call, sink),
        "url" => url::check(call, sink),
        "user" => named::check_once(call, state, sink, "name", "user"),
        "volgroup" => volgroup::check(call, state, sink),
        "zfcp" => zfcp::check(call, state, sink),
        _ => {}
    }
}
