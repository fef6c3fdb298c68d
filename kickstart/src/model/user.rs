//! Who may log in. Passwords and their hashes are secrets: never log these structs.

use super::noun::noun;

noun! {
    /// `rootpw`: root's password.
    RootPassword: "rootpw" [
        /// The password or its hash.
        password
    ] {
        /// `--iscrypted` for a hash, `--plaintext`.
        form: which = "isCrypted",
        /// Root cannot log in with a password.
        locked: switch = "lock",
        /// Root may log in over SSH with a password.
        allow_ssh: switch = "allow_ssh",
    }
}

noun! {
    /// `user`.
    User: "user" [] {
        /// The login name.
        name: text = "name",
        /// Further groups; `wheel` makes an administrator.
        groups: list = "groups",
        /// The password or its hash.
        password: text = "password",
        /// `--iscrypted` for a hash, `--plaintext`.
        form: which = "isCrypted",
        /// Cannot log in with a password.
        locked: switch = "lock",
        /// The number of the user.
        uid: number = "uid",
        /// The number of the user's own group.
        gid: number = "gid",
        /// The home directory.
        home: text = "homedir",
        /// The login shell.
        shell: text = "shell",
        /// The full name.
        gecos: text = "gecos",
    }
}

noun! {
    /// `group`.
    Group: "group" [] {
        /// Its name.
        name: text = "name",
        /// Its number.
        gid: number = "gid",
    }
}

noun! {
    /// `sshkey`: a public key that a user may log in with.
    SshKey: "sshkey" [
        /// The key, as in `authorized_keys`.
        key
    ] {
        /// The user.
        user: text = "username",
    }
}
