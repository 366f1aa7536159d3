//! Turns hints into rules that would ignore them, ready to be pasted into a file in `pack_dir`.

use std::fmt::Write;

use super::{Carrier, Hint, Hints, Known, words};
use crate::core::frame::Opcode;
use crate::core::skeleton::{Digest, LONGEST, Skeleton, quick};

/// The longest part of a path that is taken for a name although it contains digits.
const NAME: usize = 8;

/// A regular expression for a path in which ids match any other. An id is all digits, or contains digits and
/// is longer than a version number.
#[must_use]
pub fn guard(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = path.split('/').map(|part| match is_id(part) {
        true => "[^/]+".to_owned(),
        // A literal TOML string cannot contain its own quotes.
        false => regex_syntax::escape(part).replace('\'', r"\x27"),
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
    let Known { hint, guard, .. } = known;
    let Hint { period, least, most, digest, .. } = hint;
    let period = words(*period);
    // Leaves room for its numbers to grow.
    let max = (usize::from(*most) + 16).next_power_of_two().min(LONGEST);
    let id = id(known);
    match hint.carrier {
        Carrier::Message(opcode) => format!(
            "[[message]]\n\
             id = \"{id}\"                  # every {period}, {least} to {most} bytes\n\
             from = \"client\"\n\
             class = \"heartbeat\"\n\
             opcode = \"{opcode}\"\n\
             path = '{guard}'\n\
             max = {max}\n\
             digest = \"{digest}\"\n",
            opcode = if opcode == Opcode::Binary { "binary" } else { "text" },
        ),
        Carrier::Request(method) => format!(
            "[[request]]\n\
             id = \"{id}\"                  # every {period}, {least} to {most} bytes\n\
             class = \"timer\"\n\
             method = [\"{method}\"]\n\
             path = '{guard}'\n\
             query = '^$'\n\
             max = {max}\n\
             digest_without_ids = \"{digest}\"\n",
            method = method.as_str(),
        ),
    }
}

/// An id that is unique among the hints of an app.
fn id(known: &Known) -> String {
    let Digest([a, b, c, d, ..]) = known.hint.digest;
    let carrier = match known.hint.carrier {
        Carrier::Message(opcode) => opcode as u64,
        Carrier::Request(method) => quick(Skeleton::WithoutIds, method.as_str().as_bytes()),
    };
    let place = quick(Skeleton::WithoutIds, known.guard.as_bytes()) ^ carrier;
    #[allow(clippy::cast_possible_truncation, reason = "as many bits as are shown")]
    let id = u32::from_be_bytes([a, b, c, d]) ^ (place ^ place >> 32) as u32;
    format!("steady-{id:08x}")
}

/// All hints as a pack for the app with this name; empty if there are none.
#[must_use]
pub fn pack(app: &str, hints: &Hints) -> String {
    if hints.is_empty() {
        return String::new();
    }
    let name = pack_name(app);
    let mut text = format!(
        "name = \"{name}\"\n\
         about = \"Steady messages and requests of {app} that no other pack knows\"\n\
         source = \"ebbtide explain {app}\"\n\
         confidence = \"run\"\n"
    );
    let messages = hints.iter().filter(|known| matches!(known.hint.carrier, Carrier::Message(_)));
    let mut guards: Vec<&str> = messages.map(|known| &*known.guard).collect();
    guards.sort_unstable();
    guards.dedup();
    for guard in guards {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[connection]]\npath = '{guard}'\n");
    }
    hints.iter().for_each(|known| _ = write!(text, "\n{}", rule(known)));
    text
}

/// The name of an app's own pack: pack names allow fewer characters.
#[must_use]
pub fn pack_name(app: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = app.chars().map(plain).take(59).collect();
    format!("{name}-own")
}
