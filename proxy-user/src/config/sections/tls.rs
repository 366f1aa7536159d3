//! `[tls]` and `[[tls.certificate]]`.

use std::path::Path;

use super::super::model::Config;
use super::super::tls::Tls;
use super::super::value::net::LISTEN;
use super::super::value::pem::{chain, key};
use crate::core::route::HostPattern;
use crate::core::server_names::ServerNames;
use crate::tls::{Certificate, Chain};
use crate::toml_file::{Table, kind};

const MORE: &str = "[[tls.certificate]]";

/// A certificate as read, with the lines that messages about it point at.
struct Draft {
    /// `None` after a mistake.
    certificate: Option<Certificate>,
    line: usize,
    hosts: Vec<HostPattern>,
    hosts_line: usize,
}

/// To be read after `listen` and `admin`, which `redirect` is checked against.
pub(super) fn tls(table: &mut Table<'_>, base: &Path, config: &mut Config) {
    let own = (table.has("cert") || table.has("key")).then(|| pair(table, base, Vec::new()));
    if own.is_none() {
        table.know("cert");
        table.know("key");
    }
    let more = table.tables("certificate", MORE, |table| certificate(table, base));
    let redirect = table.list("redirect", LISTEN).unwrap_or_default();
    let drafts: Vec<_> = own.into_iter().chain(more.into_iter().flatten()).collect();
    if drafts.is_empty() && !table.has("certificate") {
        let fix = "add `cert` and `key`, each with the path of a PEM file";
        table.lacks("cert", format!("[tls] has no certificate; {fix}"));
    }
    names(table, &drafts);
    let certificates = drafts.into_iter().filter_map(|draft| draft.certificate).collect();
    config.tls = Some(Tls { certificates, redirect });
    if let Some(clash) = config.redirect_clash() {
        let line = table.line_of("redirect");
        table.mistake(line, clash);
    }
}

fn certificate(table: &mut Table<'_>, base: &Path) -> Draft {
    let hosts = table.list("hosts", kind("a host", "\"demo.example.com\""));
    if hosts.as_ref().is_some_and(Vec::is_empty) {
        let fix = "name some, or leave `hosts` out to use the names in the certificate";
        let line = table.line_of("hosts");
        table.mistake(line, format!("`hosts` in {MORE} is empty; {fix}"));
    }
    pair(table, base, hosts.unwrap_or_default())
}

/// `cert` and `key`, if they belong together.
fn pair(table: &mut Table<'_>, base: &Path, hosts: Vec<HostPattern>) -> Draft {
    let chain = table.required("cert", chain(base));
    let key = table.required("key", key(base));
    let (line, hosts_line) = (table.line_of("cert"), table.line_of("hosts"));
    let mut draft = Draft { certificate: None, line, hosts, hosts_line };
    let (Some(chain), Some(key)) = (chain, key) else { return draft };
    if let Some(host) = draft.hosts.iter().find(|host| !is_for(&chain, host)) {
        let says = format!("has {host}, which the certificate is not for: browsers will refuse it");
        table.warning("hosts", &says);
    }
    match Certificate::new(chain, key, draft.hosts.clone()) {
        Ok(certificate) => draft.certificate = Some(certificate),
        Err(mismatch) => {
            table.mistake_at("key", &format!("cannot be used: {mismatch}; {}", mismatch.fix()))
        }
    }
    draft
}

fn is_for(chain: &Chain, host: &HostPattern) -> bool {
    let host = host.to_string();
    let mut names = ServerNames::default();
    chain.names().iter().for_each(|name| names.add(name, 0));
    names.find(&host).is_some() || chain.names().iter().any(|name| **name == *host)
}

/// Checks that each certificate has names, and that no host is written at two of them.
fn names(table: &mut Table<'_>, drafts: &[Draft]) {
    for (index, draft) in drafts.iter().enumerate() {
        // The first one needs no name: it is for everything that the others are not for.
        let nameless = draft.certificate.as_ref().is_some_and(|one| one.names().is_empty());
        if nameless && index > 0 {
            let message = format!(
                "`cert` in {MORE}: the certificate names no host (subjectAltName), so it would \
                 never be used; add `hosts`"
            );
            table.mistake(draft.line, message);
        }
        let before = &drafts[..index];
        let twice = |host: &&HostPattern| before.iter().any(|other| other.hosts.contains(host));
        if let Some(host) = draft.hosts.iter().find(twice) {
            let message = format!(
                "`hosts` in {MORE}: {host} is already one of another certificate; remove it at one"
            );
            table.mistake(draft.hosts_line, message);
        }
    }
}
