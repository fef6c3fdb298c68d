//! Who is at the other end of the API socket: the kernel says which user, the user database which groups.
//!
//! Root, the agent's own user and the members of one group may do everything; others may do nothing, not even look, since the
//! evidence of a failure is made of logs. The socket's mode says the same; this is what holds when somebody changes the mode.

use nix::unistd::{Gid, Group, Uid, User};

/// The group whose members may use the socket, where no other is configured.
pub const DEFAULT_GROUP: &str = "rekindle";

/// A user who may use the API; an extension of each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The user's name, or `uid N` without one: recorded with every consent.
    pub(super) name: String,
}

/// The numeric id of `group`; none if there is no such group.
pub(super) fn group_id(group: &str) -> Option<u32> {
    Group::from_name(group).ok().flatten().map(|group| group.gid.as_raw())
}

impl Caller {
    /// The user with this uid and primary gid, if it may use the API. Reads the user database: blocks.
    pub(super) fn admit(uid: u32, gid: u32, group: Option<u32>) -> Option<Self> {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let own = uid == 0 || uid == Uid::effective().as_raw();
        let member = group.is_some_and(|group| gid == group || user.as_ref().is_some_and(|user| is_member(user, group)));
        let name = user.map_or_else(|| format!("uid {uid}"), |user| user.name);
        (own || member).then_some(Self { name })
    }
}

fn is_member(user: &User, group: u32) -> bool {
    if user.gid == Gid::from_raw(group) {
        return true;
    }
    let Ok(name) = std::ffi::CString::new(user.name.as_str()) else { return false };
    nix::unistd::getgrouplist(&name, user.gid).is_ok_and(|groups| groups.contains(&Gid::from_raw(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_agents_user_are_admitted_and_others_only_by_their_group() {
        let own = Uid::effective().as_raw();
        assert!(Caller::admit(0, 0, None).is_some_and(|caller| caller.name == "root"));
        assert!(Caller::admit(own, 54_321, None).is_some());
        let stranger = 54_321;
        assert_eq!(Caller::admit(stranger, stranger, None), None);
        assert_eq!(Caller::admit(stranger, stranger, Some(99)), None);
        assert_eq!(Caller::admit(stranger, 99, Some(99)).map(|caller| caller.name), Some("uid 54321".to_owned()));
    }
}
