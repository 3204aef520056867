//! The users of the embedded issuer.

/// A user that can get tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user name: `cognito:username` in the ID token, `username` in the access token.
    pub name: &'static str,
    /// `sub`, the same at every start.
    pub subject: &'static str,
    /// `email`, always verified.
    pub email: &'static str,
    /// `cognito:groups`.
    pub groups: &'static [&'static str],
}

/// All users.
pub const USERS: [User; 2] = [
    User {
        name: "user-one",
        subject: "5b7c1d3e-90a4-4f62-8e17-6d2f0c9ab311",
        email: "me+user1@example.com",
        groups: &["editors", "viewers"],
    },
    User {
        name: "user-two",
        subject: "c4e82f06-1d5b-4a97-b3c8-7f90e6125d22",
        email: "me+user2@example.com",
        groups: &["viewers"],
    },
];

pub(super) fn find(name: &str) -> Option<&'static User> {
    USERS.iter().find(|user| user.name == name)
}

/// All user names, for messages.
pub(super) fn names() -> String {
    USERS.map(|user| user.name).join(", ")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn subjects_are_distinct_uuids() {
        let subjects = USERS.map(|user| Uuid::parse_str(user.subject).unwrap());
        assert_ne!(subjects[0], subjects[1]);
        assert!(subjects.iter().all(|subject| subject.get_version_num() == 4));
    }

    #[test]
    fn names_are_found_exactly() {
        assert_eq!(find("user-two").unwrap().email, "me+user2@example.com");
        for unknown in ["", "user", "User-One", "user-one ", "user-one\0"] {
            assert_eq!(find(unknown), None, "{unknown:?}");
        }
    }
}
