//! Checks whether a starting app answers.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::config::{Driver, Upstream};
use crate::core::lifecycle::Failure;
use crate::session::App;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Waits until the app accepts a connection, or answers its `ready_path`, for up to its `ready_timeout`.
pub(super) async fn wait(app: &App) -> Result<(), Failure> {
    let nowhere = || Failure::new("nobody knows where the app listens");
    let limit = app.policy().config.driver.as_ref().map(Driver::ready_timeout);
    let limit = limit.ok_or_else(nowhere)?;
    let answers = async {
        // Each attempt asks for the address and the path again, because a reload may change them.
        while !answers_now(app).await {
            sleep(PAUSE).await;
        }
    };
    timeout(limit, answers).await.map_err(|_| {
        let policy = app.policy();
        let (Some(driver), Some(upstream)) = (&policy.config.driver, app.upstream()) else {
            return nowhere();
        };
        let path = driver.ready_path();
        let limit = humantime::format_duration(limit);
        Failure::silent(match path {
            Some(path) => {
                format!("{upstream}{path} did not answer 2xx or 3xx within {limit}")
            }
            None => {
                let hint = hint(driver, policy.config.upstream.is_none());
                let at = upstream.authority();
                format!("it accepted no connection on {at} within {limit}{hint}")
            }
        })
    })
}

/// Whether the app answers now.
pub(super) async fn answers_now(app: &App) -> bool {
    let policy = app.policy();
    let path = policy.config.driver.as_ref().and_then(Driver::ready_path);
    match app.upstream() {
        Some(upstream) => answers(&upstream, path).await,
        None => false,
    }
}

/// The most common mistake of apps whose port Ebbtide chooses.
fn hint(driver: &Driver, port_is_chosen: bool) -> String {
    let Driver::Process(driver) = driver else { return String::new() };
    if !port_is_chosen {
        return String::new();
    }
    let program = driver.command.first().map_or("", String::as_str);
    format!("; does {program} listen on {{port}} or $PORT?")
}

async fn answers(upstream: &Upstream, path: Option<&str>) -> bool {
    let attempt = async {
        match path {
            Some(path) => {
                let answer = super::work::get(upstream, path, http::HeaderMap::new()).await;
                answer.is_ok_and(|answer| {
                    !answer.status().is_client_error() && !answer.status().is_server_error()
                })
            }
            None => tokio::net::TcpStream::connect(upstream.authority().as_str()).await.is_ok(),
        }
    };
    timeout(ATTEMPT, attempt).await.unwrap_or(false)
}
