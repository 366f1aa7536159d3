//! Whatever a file of users says: users or mistakes on lines that are there, and nobody is known who is not in
//! it. The same text as credentials: no panic.
#![no_main]

use ebbtide::core::access::credentials::Credentials;
use ebbtide::core::access::htpasswd::Users;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Users::parse(text) {
        Ok(users) => {
            let names = text.lines().filter(|line| !line.starts_with('#'));
            let names = names.filter_map(|line| Some(line.split_once(':')?.0));
            let mut known = 0;
            for name in names {
                let found = users.find(name.as_bytes(), 7).expect("there is a user");
                assert!(found.is_known);
                known += 1;
            }
            assert_eq!(known, users.len());
            let stranger = users.find(b"\n", u64::MAX).expect("there is a user");
            assert!(!stranger.is_known);
            // The cheapest hashes only: others take too long.
            let text = stranger.hash.text();
            if text.contains("$m=8,t=1,p=1$") || text.starts_with("$2y$04$") {
                let _ = stranger.hash.verify(b"password");
            }
        }
        Err(mistakes) => {
            let lines = text.lines().count().max(1);
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)));
        }
    }
    for field in [text.to_owned(), format!("Basic {text}")] {
        if let Ok(field) = HeaderValue::try_from(field) {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, field)]);
            if let Some(credentials) = Credentials::of(&headers) {
                assert!(!credentials.name.contains(&b':'));
            }
        }
    }
});
