use super::*;

fn text(text: &str) -> Expected {
    Expected::OneOf([Scalar::Text(text.into())].into())
}

fn object(fields: Vec<(&str, Expected)>, keys: Option<&[&str]>) -> JsonObject {
    let fields = fields.into_iter().map(|(key, want)| (key.into(), want)).collect();
    JsonObject::new(fields, keys.map(|keys| keys.iter().map(|&key| key.into()).collect()))
}

#[test]
fn fields_may_stand_among_others_unless_the_keys_are_closed() {
    let open = object(vec![("type", text("ping"))], None);
    assert!(open.fits(br#"{"type":"ping"}"#));
    assert!(open.fits(br#" { "id" : [1,{"a":[2]}], "type" : "ping" } "#));
    let closed = object(vec![("type", text("ping"))], Some(&["id"]));
    assert!(closed.fits(br#"{"type":"ping","id":3}"#));
    assert!(!closed.fits(br#"{"type":"ping","id":3,"x":0}"#));
    for other in ["", "{}", "[]", "3", r#"{"type":"pin"}"#, r#"{"type":1}"#, r#"{"type":["ping"]}"#]
    {
        assert!(!open.fits(other.as_bytes()), "{other}");
    }
}

#[test]
fn two_of_one_field_must_both_fit() {
    let object = object(vec![("type", text("ping"))], None);
    assert!(object.fits(br#"{"type":"ping","type":"ping"}"#));
    assert!(!object.fits(br#"{"type":"ping","type":"click"}"#));
    assert!(!object.fits(br#"{"type":"click","type":"ping"}"#));
}

#[test]
fn an_escape_is_what_it_stands_for() {
    let object = object(vec![("type", text("ping"))], None);
    assert!(object.fits(br#"{"typ\u0065":"\u0070ing"}"#));
}

#[test]
fn what_is_not_one_json_object_does_not_fit() {
    let object = object(vec![("type", text("ping"))], None);
    for other in [
        r#"{"type":"ping""#,
        r#"{"type":"ping"} {}"#,
        r#"{"type":"ping"}}"#,
        r#"{"type":"ping","x":}"#,
        r#"{"type":"ping",}"#,
        "{\"type\":\"ping\",\"x\":\"\u{1}\"}",
    ] {
        assert!(!object.fits(other.as_bytes()), "{other}");
    }
}

#[test]
fn scalars_lists_patterns_and_objects() {
    let scalars = Expected::OneOf([Scalar::Integer(6), Scalar::Boolean(true)].into());
    let each = Expected::Each(Expected::Text(Pattern::whole(r".+\.n_intervals").unwrap()).into());
    let inner = object(vec![("state", Expected::Text(Pattern::whole("a+").unwrap()))], None);
    let object = object(vec![("n", scalars), ("ids", each), ("o", Expected::Object(inner))], None);
    let whole = |n: &str, ids: &str, o: &str| {
        object.fits(format!(r#"{{"n":{n},"ids":{ids},"o":{o}}}"#).as_bytes())
    };
    let (ids, o) = (r#"["i.n_intervals"]"#, r#"{"state":"aa"}"#);
    assert!(whole("6", ids, o) && whole("true", ids, o));
    for n in ["6.0", "7", "null", "false", "\"6\"", "18446744073709551615", "-6"] {
        assert!(!whole(n, ids, o), "{n}");
    }
    for ids in ["[]", r#"["i.n_intervals","b.n_clicks"]"#, "[3]", r#""i.n_intervals""#, "{}"] {
        assert!(!whole("6", ids, o), "{ids}");
    }
    for o in ["{}", r#"{"state":"b"}"#, r#""aa""#, r#"[{"state":"aa"}]"#] {
        assert!(!whole("6", ids, o), "{o}");
    }
}

#[test]
fn depth_is_bounded() {
    let object = object(vec![("type", text("ping")), ("x", text("y"))], None);
    let deep = |open: &str, n: usize| format!(r#"{{"type":"ping","x":{}"#, open.repeat(n));
    for bomb in [deep("[", 100_000), deep(r#"{"x":"#, 100_000)] {
        assert!(!object.fits(bomb.as_bytes()));
    }
}
