//! Who may use an app: the parts of `[access]` that need no socket.

pub mod allow;
pub mod answers;
pub mod credentials;
pub mod forwarding;
pub mod htpasswd;
pub mod password;
pub mod remembered;
