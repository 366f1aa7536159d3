use std::cell::RefCell;

use super::*;
use proptest::prelude::*;

/// The records of a message; `None` if it does not split.
fn split(records: Records, message: &[u8]) -> Option<Vec<String>> {
    let seen = RefCell::new(Vec::new());
    let whole = records.all(message, |record| {
        seen.borrow_mut().push(String::from_utf8_lossy(record).into_owned());
        true
    });
    whole.then_some(seen.into_inner())
}

fn parts(records: Records, message: &str) -> Option<Vec<String>> {
    split(records, message.as_bytes())
}

fn list(parts: &[&str]) -> Option<Vec<String>> {
    Some(parts.iter().map(|&part| part.to_owned()).collect())
}

#[test]
fn lines_and_marks() {
    assert_eq!(parts(Records::Lines, "{}\n{}\r\n"), list(&["{}", "{}"]));
    assert_eq!(parts(Records::Lines, "\n"), list(&[""]));
    assert_eq!(parts(Records::Lines, "a\n\nb"), list(&["a", "", "b"]));
    assert_eq!(parts(Records::Lines, ""), None);
    assert_eq!(
        parts(Records::SignalrJson, "{\"type\":6}\u{1e}x\u{1e}"),
        list(&["{\"type\":6}", "x"])
    );
    assert_eq!(parts(Records::SignalrJson, "{\"type\":6}"), None);
    assert_eq!(parts(Records::Engineio4, "2\u{1e}42[]"), list(&["2", "42[]"]));
    assert_eq!(parts(Records::Engineio4, "3"), list(&["3"]));
}

#[test]
fn lengths_in_front() {
    assert_eq!(parts(Records::Engineio3, "1:24:42[]"), list(&["2", "42[]"]));
    assert_eq!(parts(Records::Engineio3, "3:4💓"), list(&["4💓"]));
    for message in ["2:4💓", "1:", "2:3", ":3", "1x:3", "9999999999:3", "1:3x"] {
        assert_eq!(parts(Records::Engineio3, message), None, "{message}");
    }
    assert_eq!(split(Records::SignalrMsgpack, b"\x02\x91\x06\x01a"), list(&["\u{fffd}\u{6}", "a"]));
    assert_eq!(split(Records::SignalrMsgpack, b"\x03\x91\x06"), None);
    let keepalive = [9, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
    assert_eq!(split(Records::Vscode, &keepalive.repeat(3)).map(|parts| parts.len()), Some(3));
    assert_eq!(split(Records::Vscode, &keepalive[..12]), None);
    let beyond = [9, 0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(split(Records::Vscode, &beyond), None);
}

#[test]
fn guacamole_counts_characters() {
    let ping = "0.,4.ping,13.1795330279000;";
    assert_eq!(parts(Records::Guacamole, ping), list(&["0.,4.ping,13.1795330279000"]));
    assert_eq!(parts(Records::Guacamole, "3.nop;4.sync,1.5;"), list(&["3.nop", "4.sync,1.5"]));
    assert_eq!(parts(Records::Guacamole, "3.a;é;3.nop;"), list(&["3.a;é", "3.nop"]));
    for message in ["3.nop", "4.nop;", "2.nop;", ".nop;", "3.nop;x", ";", "x.nop;", "3nop;"] {
        assert_eq!(parts(Records::Guacamole, message), None, "{message}");
    }
}

#[test]
fn elements_of_an_array() {
    let array = r#" [ {"a":[1,2]} , "x,]\"" ,3] "#;
    assert_eq!(parts(Records::JsonArray, array), list(&[r#"{"a":[1,2]}"#, r#""x,]\"""#, "3"]));
    assert_eq!(parts(Records::JsonArray, "[]"), list(&[""]), "which is not JSON");
    for message in ["", "[", "{}", "[1]2", "[1]]", "[{]", "[\"]"] {
        assert_eq!(parts(Records::JsonArray, message), None, "{message}");
    }
    assert_eq!(parts(Records::JsonArray, &"[".repeat(100_000)), None);
}

#[test]
fn the_parts_of_a_jupyter_message() {
    let offsets = [6_u64, 56, 61, 66, 68, 70, 77];
    let mut message: Vec<u8> = offsets.iter().flat_map(|word| word.to_le_bytes()).collect();
    message.extend(b"shell{...}{}{}{.....}buffer");
    fn part_of(bytes: &[u8], records: Records) -> Part<'_> {
        part(&Masked::new(bytes, None), records)
    }
    let header = |bytes: &[u8]| match part_of(bytes, Records::Jupyter) {
        Part::Is(part) => Ok(part.bare().unwrap().to_vec()),
        Part::Needs(end) => Err(Some(end)),
        Part::None => Err(None),
    };
    assert_eq!(header(&message).unwrap(), b"{...}");
    assert_eq!(header(&message[..66]).unwrap(), b"{...}");
    assert_eq!(header(&message[..65]), Err(Some(66)));
    assert_eq!(header(&message[..9]), Err(Some(32)));
    assert_eq!(header(&[0xff; 80]), Err(None));
    let content = part_of(&message, Records::JupyterContent);
    assert!(matches!(content, Part::Is(part) if part.bare() == Some(b"{.....}")));
    assert!(matches!(part_of(&message[..76], Records::JupyterContent), Part::Needs(77)));
    message[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(header(&message), Err(None));
}

proptest! {
    #[test]
    fn any_bytes_split_or_not(bytes in prop::collection::vec(0_u8..64, 0..80)) {
        for (_, records) in Records::WORDS {
            let _ = split(records, &bytes);
        }
        let bytes = Masked::new(&bytes, Some([1, 2, 3, 4]));
        let _ = (part(&bytes, Records::Jupyter), part(&bytes, Records::JupyterContent));
    }
}
