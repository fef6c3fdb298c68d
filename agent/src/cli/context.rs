//! What every subcommand is given: the shared options, laid over the settings of this host.

use std::cell::OnceCell;

use camino::{Utf8Path, Utf8PathBuf};

use super::Shared;
use super::error::CliError;
use super::screen::Screen;
use crate::settings::{self, Settings};
use crate::spec::HypervisorName;
use crate::world::Store;

/// The shared options and what follows from them.
pub(crate) struct Context {
    pub(crate) screen: Screen,
    pub(crate) shared: Shared,
    settings: OnceCell<Settings>,
}

impl Context {
    /// Nothing is read before it is asked for: `rekindle completions` works whatever the configuration says.
    pub(crate) fn new(screen: Screen, shared: Shared) -> Self {
        Self { screen, shared, settings: OnceCell::new() }
    }

    /// The settings of this host with the options of the command line over them.
    pub(crate) fn settings(&self) -> Result<&Settings, CliError> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let mut settings = settings::load(self.shared.config.as_deref()).map_err(|errors| {
            CliError::usage(anyhow::Error::new(errors).context("the agent's configuration is wrong"))
                .help("docs/configuration.md has every key")
        })?;
        if let Some(site) = &self.shared.site {
            settings.site = absolute(site)?;
        }
        if let Some(name) = &self.shared.hypervisor {
            settings.hypervisor = hypervisor_name(name)?;
        }
        if let Some(directory) = &self.shared.state_dir {
            settings.state_dir = absolute(directory)?;
        }
        if self.shared.sim {
            // Nothing of the simulator may ever mix with what this host really runs.
            settings.state_dir.push("sim");
            settings.cache_dir = settings.state_dir.join("cache");
            settings.run_dir = settings.state_dir.join("run");
        }
        Ok(self.settings.get_or_init(|| settings))
    }

    /// The site's directory. With `--site` no configuration has to exist: a checkout is checked anywhere.
    pub(crate) fn site_dir(&self) -> Result<Utf8PathBuf, CliError> {
        match &self.shared.site {
            Some(site) => Ok(site.clone()),
            None => Ok(self.settings()?.site.clone()),
        }
    }

    /// How many times faster than life simulated guests are; none: libvirt is worked on.
    pub(crate) fn sim_speed(&self) -> Option<u32> {
        self.shared.sim.then_some(self.shared.sim_speed)
    }

    /// Where the agent keeps its state.
    pub(crate) fn state_dir(&self) -> Result<&Utf8Path, CliError> {
        Ok(&self.settings()?.state_dir)
    }

    /// The store's file.
    pub(crate) fn store_path(&self) -> Result<Utf8PathBuf, CliError> {
        Ok(self.state_dir()?.join(STORE))
    }

    /// The store, beside an agent that may be writing to it.
    pub(crate) fn store_read_only(&self) -> Result<Store, CliError> {
        let path = self.store_path()?;
        if !path.exists() {
            return Err(CliError::world(anyhow::anyhow!("there is no store at `{path}`: no agent has run here"))
                .help("run `rekindle apply` or start the agent; `--state-dir DIR` looks elsewhere"));
        }
        Store::open_read_only(&path)
            .map_err(|error| CliError::world(error).help("the store belongs to the agent's user: try again as root"))
    }
}

/// The store's file within the state directory.
const STORE: &str = "state.db";

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, CliError> {
    let absolute = std::path::absolute(path).ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    absolute.ok_or_else(|| CliError::usage(anyhow::anyhow!("`{path}` is no usable path from here")))
}

fn hypervisor_name(name: &str) -> Result<HypervisorName, CliError> {
    name.parse().map_err(|error| CliError::usage(anyhow::Error::new(error).context(format!("`--hypervisor {name}`"))))
}
