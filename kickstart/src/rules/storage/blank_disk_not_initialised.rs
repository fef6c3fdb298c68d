//! A blank disk is used, and nothing says that it may be initialised.
//!
//! # Why
//!
//! Without `zerombr` or `clearpart … --initlabel` the installer does not write a partition table to a disk that has
//! none, and stops with "is not partitioned".
//!
//! # Example
//!
//! ```kickstart
//! part / --size=8192 --ondisk=vda
//! ```
//!
//! # Fix
//!
//! Say `zerombr` and `clearpart --all --initlabel`, with `--drives` where some disks are to be kept.
//!
//! ```kickstart
//! zerombr
//! clearpart --all --initlabel --drives=vda
//! part / --size=8192 --ondisk=vda
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let model = cx.model;
    let lays_out = model.uses(&["part", "autopart", "reqpart"]) && !model.all("part").any(|part| part.has("onPart"));
    let initialises = model.uses(&["zerombr"]) || model.all("clearpart").any(|command| command.has("initAll"));
    if !model.is_partial && lays_out && !initialises {
        let first = model.commands.iter().find(|command| matches!(command.object, "part" | "autopart" | "reqpart"));
        let place = first.map_or(model.end, |command| command.place);
        out.add(place, "a blank disk is not initialised", "add `zerombr` and `clearpart --all --initlabel`");
    }
}
