//! Hints as the rules that would make machinery of them, ready to be pasted into a file of `pack_dir`.

use std::fmt::Write;

use super::{Hints, Known, words};
use crate::core::frame::Opcode;
use crate::core::skeleton::LONGEST;

/// A path's longest part that is taken for a name rather than an id.
const NAME: usize = 8;

/// A regular expression for a connection's path, in which ids stand for any other: what is all
/// digits, or has digits and is longer than a version's name.
#[must_use]
pub fn guard(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = path.split('/').map(|part| match is_id(part) {
        true => "[^/]+".to_owned(),
        // The quotes of a literal TOML string cannot stand in it.
        false => regex::escape(part).replace('\'', r"\x27"),
    });
    format!("^{}$", parts.collect::<Vec<_>>().join("/"))
}

fn is_id(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    digits > 0 && plain && (digits == part.len() || part.len() > NAME)
}

/// One hint as a rule.
#[must_use]
pub fn rule(known: &Known) -> String {
    let hint = &known.hint;
    let digest = hint.digest.to_string();
    let opcode = if hint.opcode == Opcode::Binary { "binary" } else { "text" };
    let period = words(hint.period);
    format!(
        "[[message]]\n\
         id = \"steady-{id}\"                  # every {period}, {least} to {most} bytes\n\
         from = \"client\"\n\
         class = \"heartbeat\"\n\
         opcode = \"{opcode}\"\n\
         path = '{guard}'\n\
         max = {max}\n\
         digest = \"{digest}\"\n",
        id = &digest[..8],
        least = hint.least,
        most = hint.most,
        guard = known.guard,
        // Its numbers may grow.
        max = (usize::from(hint.most) + 16).next_power_of_two().min(LONGEST),
    )
}

/// All hints as a pack for the app of this name; empty where there are none.
#[must_use]
pub fn pack(app: &str, hints: &Hints) -> String {
    if hints.is_empty() {
        return String::new();
    }
    let name = pack_name(app);
    let mut text = format!(
        "name = \"{name}\"\n\
         about = \"Steady messages of {app} that no other pack knows\"\n\
         source = \"ebbtide explain {app}\"\n\
         confidence = \"run\"\n"
    );
    let mut guards: Vec<&str> = hints.iter().map(|known| &*known.guard).collect();
    guards.sort_unstable();
    guards.dedup();
    for guard in guards {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[connection]]\npath = '{guard}'\n");
    }
    hints.iter().for_each(|known| _ = write!(text, "\n{}", rule(known)));
    text
}

/// The name of an app's own pack: packs have fewer letters to choose from.
#[must_use]
pub fn pack_name(app: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = app.chars().map(plain).take(59).collect();
    format!("{name}-own")
}
