//! Who may use an app: `[access]`.
//!
//! A request must pass everything that is configured, in this order: its address (`allow`), a password
//! (`users_file`), and the authentication service (`forward_auth`). This module knows nothing of apps or
//! sessions; the decisions that need no socket are in `core::access`.

mod basic;
mod forward_auth;
mod places;
mod secret;
mod shared;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use self::basic::{Basic, NotBasic};
use self::forward_auth::{ForwardAuth, NotForwarded};
use self::secret::Secret;
use crate::config;
use crate::core::access::allow;
use crate::core::access::forwarding::{question, strip_trusted};

/// A request, as the app would see it.
#[derive(Debug)]
pub(crate) struct Visitor<'a> {
    /// The client's address, if it is known.
    pub(crate) address: Option<IpAddr>,
    /// Its method.
    pub(crate) method: &'a Method,
    /// Its target.
    pub(crate) uri: &'a Uri,
    /// Its fields, with this proxy's `X-Forwarded-*`. Those that are only for this proxy are removed, and
    /// those of the authentication service are set.
    pub(crate) headers: &'a mut HeaderMap,
}

/// A request that may pass.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    /// The authentication service's cookies for the client.
    pub(crate) cookies: Vec<HeaderValue>,
}

/// Why a request may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its address is not in `allow`, or is unknown where it matters.
    Address,
    /// It has no valid name and password.
    Password,
    /// Too many passwords are being checked.
    Busy,
    /// The authentication service has not let it pass.
    Answered(Box<ServiceAnswer>),
    /// The authentication service could not be asked.
    Unasked,
}

/// What the authentication service wants the client to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceAnswer {
    /// Never 1xx or 2xx.
    pub(crate) status: StatusCode,
    /// Without those of the connection and of the body's length.
    pub(crate) headers: HeaderMap,
    /// At most 1 MiB.
    pub(crate) body: Bytes,
}

/// Everything that is known about visitors. Lives as long as the process.
#[derive(Debug)]
pub struct Access {
    basic: Basic,
    forward_auth: ForwardAuth,
}

/// Why [`Access::new`] fails.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// TLS cannot be set up.
    #[error("cannot set up the HTTP client for forward_auth")]
    Http(#[from] reqwest::Error),
    /// No random numbers.
    #[error("cannot get random numbers from the system")]
    Random,
}

impl Access {
    /// Starts with nothing known about visitors.
    ///
    /// # Errors
    /// The system has no random numbers, or TLS cannot be set up.
    pub fn new() -> Result<Access, AccessError> {
        let secret = Arc::new(Secret::new().map_err(|_| AccessError::Random)?);
        let forward_auth = ForwardAuth::new(Arc::clone(&secret))?;
        Ok(Access { basic: Basic::new(secret), forward_auth })
    }

    /// Whether the request may pass.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn check(
        &self,
        config: &config::Access,
        visitor: Visitor<'_>,
    ) -> Result<Granted, Refused> {
        let Visitor { address, method, uri, headers } = visitor;
        if let Some(allowed) = &config.allow
            && !address.is_some_and(|address| allow::contains(allowed, address))
        {
            return Err(Refused::Address);
        }
        if let Some(file) = &config.users_file {
            self.basic.check(&file.users, address, headers).await.map_err(|error| match error {
                NotBasic::Wrong => Refused::Password,
                NotBasic::Busy => Refused::Busy,
            })?;
            // The password is meant for this proxy; neither the app nor the service needs it.
            headers.remove(AUTHORIZATION);
        }
        let trusted = &config.forward_auth_headers;
        let Some(url) = &config.forward_auth else {
            strip_trusted(headers, trusted);
            return Ok(Granted::default());
        };
        // The service would take whatever proxies before this one say for the client.
        let client = address.ok_or(Refused::Address)?;
        let asked = question(method, uri, client, headers, trusted);
        strip_trusted(headers, trusted);
        let passed =
            self.forward_auth.ask(url, client, asked, trusted).await.map_err(
                |error| match error {
                    NotForwarded::Answered(answer) => Refused::Answered(answer),
                    NotForwarded::Failed => Refused::Unasked,
                },
            )?;
        for (name, value) in &*passed.told {
            headers.append(name, value.clone());
        }
        Ok(Granted { cookies: passed.cookies })
    }
}
