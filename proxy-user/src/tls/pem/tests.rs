use super::*;
use crate::tls::{Certificate, Mismatch};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A file of this process with this text.
fn written(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ebbtide-pem-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).unwrap()
}

fn pair(chain: &Path, key: &str) -> Result<Certificate, Mismatch> {
    Certificate::new(Chain::read(chain).unwrap(), Key::read(&file(key)).unwrap(), Vec::new())
}

#[test]
fn a_certificate_has_its_dns_names() {
    let chain = Chain::read(&file("one.pem")).unwrap();
    assert_eq!(*chain.names(), ["one.example.com".into(), "www.one.example.com".into()]);
    let chain = Chain::read(&file("apps.pem")).unwrap();
    assert_eq!(*chain.names(), ["*.apps.example.com".into(), "apps.example.com".into()]);
    assert!(Chain::read(&file("nameless.pem")).unwrap().names().is_empty());
}

#[test]
fn every_usual_kind_of_key_is_read_and_fits_its_certificate() {
    let sec1 = ["one.key", "again.key", "apps.key", "rsa.key"];
    for (pem, key) in ["one.pem", "again.pem", "apps.pem", "rsa.pem"].into_iter().zip(sec1) {
        pair(&file(pem), key).unwrap();
    }
    // Both in one file, the key first.
    let both = written("both", [bytes("one.key"), bytes("one.pem")].concat());
    let (chain, key) = (Chain::read(&both).unwrap(), Key::read(&both).unwrap());
    Certificate::new(chain, key, Vec::new()).unwrap();
    std::fs::remove_file(both).unwrap();
}

#[test]
fn what_does_not_belong_together_is_refused() {
    assert_eq!(pair(&file("one.pem"), "again.key").unwrap_err(), Mismatch::OtherKey);
    let reversed = written("reversed", [bytes("apps.pem"), bytes("one.pem")].concat());
    assert_eq!(pair(&reversed, "one.key").unwrap_err(), Mismatch::Order);
    pair(&reversed, "apps.key").unwrap();
    std::fs::remove_file(reversed).unwrap();
}

#[test]
fn each_wrong_file_says_what_is_wrong_with_it() {
    let key = |name| format!("{:?}", Key::read(&file(name)).unwrap_err());
    assert_eq!(key("encrypted.key"), "Encrypted");
    assert_eq!(key("encrypted-sec1.key"), "Encrypted");
    assert_eq!(key("p521.key"), "UnknownKey");
    assert_eq!(key("one.pem"), "NoKey");
    assert_eq!(key("README.md"), "Broken");
    let chain = |name| format!("{:?}", Chain::read(&file(name)).unwrap_err());
    assert_eq!(chain("one.key"), "NoCertificate");
    assert_eq!(chain("README.md"), "Broken");
    for missing in ["nothing.pem", "../tls"] {
        assert!(matches!(Chain::read(&file(missing)), Err(PemError::Unreadable(_))), "{missing}");
    }
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let junk = written("junk", junk);
    assert!(matches!(Chain::read(&junk), Err(PemError::BadCertificate(_))));
    std::fs::remove_file(junk).unwrap();
    let large = written("large", vec![b'\n'; 2 << 20]);
    assert!(matches!(Chain::read(&large), Err(PemError::Unreadable(_))));
    std::fs::remove_file(large).unwrap();
}

/// As while it is being written.
#[test]
fn no_beginning_of_a_file_is_taken_for_the_whole() {
    let cut = written("cut", "");
    let (chain, key) = (bytes("one.pem"), bytes("one.key"));
    // The last byte is the line feed after the last line.
    for end in 0..chain.len() - 1 {
        std::fs::write(&cut, &chain[..end]).unwrap();
        assert!(matches!(Chain::read(&cut), Err(PemError::Broken)), "{end}");
    }
    for end in 0..key.len() - 1 {
        std::fs::write(&cut, &key[..end]).unwrap();
        assert!(matches!(Key::read(&cut), Err(PemError::Broken)), "{end}");
    }
    std::fs::remove_file(cut).unwrap();
}

#[test]
fn keys_are_not_shown() {
    let certificate = pair(&file("one.pem"), "one.key").unwrap();
    let shown = format!("{certificate:?}");
    let secret = String::from_utf8(bytes("one.key")).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    assert!(shown.contains("one.key") && !shown.contains(&secret[20..40]), "{shown}");
    assert!(shown.len() < 2000, "{shown}");
}
