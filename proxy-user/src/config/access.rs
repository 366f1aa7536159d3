//! Who may use an app: `[access]`, `[app.access]`.
//!
//! Plain data: nothing here parses or checks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;

use crate::core::access::htpasswd::Users;
use crate::toml_file::quote_url;

/// What a request must pass: everything that is set. Default: nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The addresses that may come; never empty. `None` = all.
    pub allow: Option<Vec<IpNet>>,
    /// Who may come with a password. `None` = nobody is asked for one.
    pub users_file: Option<UsersFile>,
    /// The URL of the authentication service, `http` or `https`. `None` = it is not asked.
    pub forward_auth: Option<String>,
    /// The fields of its answer that the app gets; nobody else may set them, even if it is not asked.
    pub forward_auth_headers: Vec<HeaderName>,
}

/// A file of users, as it was when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersFile {
    /// Its path.
    pub file: PathBuf,
    /// Its users.
    pub users: Arc<Users>,
}

impl Access {
    /// Whether every request passes unchanged.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let Access { allow, users_file, forward_auth, forward_auth_headers } = self;
        allow.is_none()
            && users_file.is_none()
            && forward_auth.is_none()
            && forward_auth_headers.is_empty()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access { allow, users_file, forward_auth, forward_auth_headers } = self;
        let url = forward_auth.as_ref().map(|url| quote_url(url));
        let mut shown = f.debug_struct("Access");
        shown.field("allow", allow).field("users_file", users_file).field("forward_auth", &url);
        shown.field("forward_auth_headers", forward_auth_headers).finish()
    }
}
