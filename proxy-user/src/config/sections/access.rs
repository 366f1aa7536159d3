//! `[access]` and `[app.access]`.

use std::path::Path;

use super::super::access::{Access, UsersFile};
use super::super::value::header::ANSWERED;
use super::super::value::net::NETWORK;
use super::super::value::place::path;
use super::super::value::web::SERVICE;
use crate::core::access::htpasswd::{HtpasswdMistake, Users};
use crate::toml_file::{Mistake, Table, or_off, text};

/// A larger file would have a hundred thousand users.
const LARGEST_USERS: u64 = 8 << 20;

/// Reads the table. What it does not have is as in `outer`, what is "off" is not.
pub(super) fn access(table: &mut Table<'_>, base: &Path, outer: &Access) -> Access {
    let mut access = outer.clone();
    allow(table, &mut access);
    match table.text("users_file", or_off(path(base))) {
        Some(None) => access.users_file = None,
        Some(Some(file)) => {
            if let Some(users) = users(table, &file) {
                access.users_file = Some(UsersFile { file, users: users.into() });
            }
        }
        None => {}
    }
    table.set(&mut access.forward_auth, "forward_auth", or_off(SERVICE));
    if let Some(names) = table.list("forward_auth_headers", ANSWERED) {
        access.forward_auth_headers = names;
        if !table.has("forward_auth") && access.forward_auth.is_none() {
            table.warning("forward_auth_headers", "copies nothing without `forward_auth`");
        }
    }
    access
}

fn allow(table: &mut Table<'_>, access: &mut Access) {
    let Some(list) = table.list("allow", or_off(NETWORK)) else { return };
    let networks: Option<Vec<_>> = list.iter().copied().collect();
    let wrong = match networks {
        Some(networks) if networks.is_empty() => {
            "is empty, so that nobody would pass; name some networks, or leave it out"
        }
        None if list.len() > 1 => "has \"off\" beside a network; write one or the other",
        networks => {
            access.allow = networks;
            return;
        }
    };
    table.mistake_at("allow", wrong);
}

/// The users of a file; `None` after its mistakes are told.
fn users(table: &mut Table<'_>, file: &Path) -> Option<Users> {
    if let Err(error) = readable(file) {
        let fix = "write the path of a file of users that this process may read";
        table.mistake_at("users_file", &format!("cannot be used: {error}; {fix}"));
        return None;
    }
    match text(file).map(|text| Users::parse(&text)) {
        Ok(Ok(users)) => return Some(users),
        Ok(Err(mistakes)) => {
            for HtpasswdMistake { line, why } in mistakes {
                table.mistake_in(file, line, format!("{why}; {}", why.fix()));
            }
        }
        Err(mistakes) => {
            for Mistake { line, message, .. } in mistakes.iter() {
                table.mistake_in(file, line.unwrap_or(1), message.clone());
            }
        }
    }
    None
}

fn readable(file: &Path) -> std::io::Result<()> {
    // Checked before opening: opening a pipe would wait for its writer.
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    if about.len() > LARGEST_USERS {
        return Err(std::io::Error::other("it is larger than 8 MiB"));
    }
    Ok(())
}
