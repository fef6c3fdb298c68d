//! Where packages come from, and the place that the machine is in.

use super::noun::noun;

noun! {
    /// `url`: an installation tree, or a repository, on a server.
    Url: "url" [] {
        /// Its address.
        url: text = "url",
        /// The address of a list of mirrors.
        mirror_list: text = "mirrorlist",
        /// The address of a metalink.
        metalink: text = "metalink",
        /// A proxy on the way to it.
        proxy: text = "proxy",
        /// Whoever answers is believed.
        no_verify_ssl: switch = "noverifyssl",
    }
}

noun! {
    /// `repo`: a repository beside the one that the installation comes from.
    Repo: "repo" [] {
        /// Its name.
        name: text = "name",
        /// Its address.
        base_url: text = "baseurl",
        /// The address of a list of mirrors.
        mirror_list: text = "mirrorlist",
        /// The address of a metalink.
        metalink: text = "metalink",
        /// Cheaper repositories are asked first.
        cost: number = "cost",
        /// Only these packages.
        include: list = "includepkgs",
        /// Not these packages.
        exclude: list = "excludepkgs",
        /// The installed system has it too.
        install: switch = "install",
        /// Whoever answers is believed.
        no_verify_ssl: switch = "noverifyssl",
    }
}

noun! {
    /// `lang`.
    Lang: "lang" [
        /// The language, such as `en_US.UTF-8`.
        language
    ] {
        /// Further languages.
        also: list = "addsupport",
    }
}

noun! {
    /// `keyboard`.
    Keyboard: "keyboard" [;
        /// A layout, as old kickstarts write it.
        layouts
    ] {
        /// The layout of the console.
        console: text = "vc_keymap",
        /// Layouts of X.
        x: list = "x_layouts",
    }
}

noun! {
    /// `timezone`.
    TimeZone: "timezone" [;
        /// The zone, such as `Europe/Berlin`; nothing else fits.
        zone
    ] {
        /// The hardware clock shows UTC.
        utc: switch = "isUtc",
        /// Time servers, as releases before `timesource` write them.
        ntp_servers: list = "ntpservers",
        /// No time service.
        no_ntp: switch = "nontp",
    }
}

noun! {
    /// `timesource`.
    TimeSource: "timesource" [] {
        /// A server.
        server: text = "ntp_server",
        /// A pool of servers.
        pool: text = "ntp_pool",
        /// No time service at all.
        disabled: switch = "ntp_disable",
    }
}
