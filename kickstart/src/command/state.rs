//! What the lines read so far mean for the next one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::check::Sink;
use crate::diagnostic::Severity;
use crate::source::Span;

/// Names defined so far, and the options that a second line of the same command does not reset.
#[derive(Debug, Default)]
pub(crate) struct State<'d> {
    /// Line of the first definition by kind of thing and name.
    defined: HashMap<(&'static str, Cow<'d, str>), usize>,
    pub(crate) autopart: Autopart<'d>,
    pub(crate) harddrive: Harddrive,
    pub(crate) ignoredisk: Ignoredisk,
    pub(crate) logging: Logging,
    pub(crate) services: Services,
    /// `keyboard --xlayouts` has given a layout.
    pub(crate) has_xlayouts: bool,
    /// `timezone --ntpservers` has given a server.
    pub(crate) has_ntpservers: bool,
    /// `realm join` has named a realm.
    pub(crate) has_realm: bool,
}

/// `autopart`: what `--type` and `--fstype` said last.
#[derive(Debug, Default)]
pub(crate) struct Autopart<'d> {
    pub(crate) is_btrfs: bool,
    pub(crate) fstype: &'d str,
}

/// `harddrive`: which of its two places have been given.
#[derive(Debug, Default)]
pub(crate) struct Harddrive {
    pub(crate) biospart: bool,
    pub(crate) partition: bool,
}

/// `ignoredisk`: which of its lists have something in them.
#[derive(Debug, Default)]
pub(crate) struct Ignoredisk {
    pub(crate) drives: bool,
    pub(crate) only_use: bool,
}

/// `logging`: whether host and port are set.
#[derive(Debug, Default)]
pub(crate) struct Logging {
    pub(crate) host: bool,
    pub(crate) port: bool,
}

/// `services`: which of its lists have something in them.
#[derive(Debug, Default)]
pub(crate) struct Services {
    pub(crate) disabled: bool,
    pub(crate) enabled: bool,
}

impl<'d> State<'d> {
    /// Notes that `name` is defined here; false, with an error, if it has been defined before.
    pub(crate) fn define(&mut self, sink: &mut Sink<'_>, what: &'static str, name: impl Into<Cow<'d, str>>, span: Span) -> bool {
        match self.defined.entry((what, name.into())) {
            Entry::Vacant(free) => {
                free.insert(sink.line());
                true
            }
            Entry::Occupied(taken) => {
                let name: String = taken.key().1.chars().take(60).collect();
                let message = format!("{what} `{name}` is defined twice");
                let help = format!("line {} defines it first", taken.get());
                sink.push(Severity::Error, "duplicate-definition", message, span, Some(help));
                false
            }
        }
    }
}
