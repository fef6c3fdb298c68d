//! The time zone does not exist.
//!
//! # Why
//!
//! The installer says so in its log only and sets `America/New_York`.
//!
//! # Example
//!
//! ```kickstart
//! timezone Europe/Berln
//! ```
//!
//! # Fix
//!
//! Write a name of the tz database, as `timedatectl list-timezones` prints them.
//!
//! ```kickstart
//! timezone Europe/Berlin
//! ```

use crate::diagnostic::{Applicability, Fix};
use crate::lint::{Context, Findings};
use crate::suggest::nearest;
use crate::zones::ZONES;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("timezone").filter(|command| !command.text("timezone").is_empty()) {
        let name = command.text("timezone");
        if ZONES.binary_search(&name).is_err() {
            let meant = nearest(name, ZONES.iter().copied());
            let help = meant
                .map_or("`timedatectl list-timezones` prints the names".to_owned(), |zone| format!("did you mean `{zone}`?"));
            out.add(command.place_of("timezone"), "there is no such time zone", &help);
            if let Some(zone) = meant {
                out.fix(Fix::replace(command.place_of("timezone").span, zone, Applicability::Unsafe));
            }
        }
    }
}
