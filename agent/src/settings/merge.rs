//! Fragments laid over each other.

use super::fragment::Fragment;

impl Fragment {
    /// `self` over `lower`: what `self` leaves out, `lower` gives.
    pub(super) fn over(self, lower: Self) -> Self {
        macro_rules! pick {
            ($($key:ident),*) => { Self { $($key: if self.$key.is_absent() { lower.$key } else { self.$key }),* } };
        }
        pick!(
            site,
            hypervisor,
            state_dir,
            cache_dir,
            run_dir,
            interval,
            parallel_installs,
            libvirt_uri,
            install_address,
            install_port,
            api_listen,
            reports_listen,
            reports_from,
            upload_tokens,
            log_level,
            log_format
        )
    }
}
