//! The configurations of `ebbtide run` without a file: one app for every host and path.

use std::collections::BTreeMap;
use std::time::Duration;

use super::command_name::command_name;
use super::value::name::app_name;
use super::value::{SECOND, YEAR};
use super::{App, Config, Driver, ProcessDriver, Upstream};
use crate::tls::ClientTls;
use crate::toml_file::{ValueError, duration};

impl Config {
    /// The configuration of `ebbtide run --upstream URL`.
    ///
    /// The app is named after the upstream's host; `app` where that is an address, `localhost`, or
    /// no valid app name.
    ///
    /// # Errors
    ///
    /// When `upstream` is not what the key `upstream` takes.
    pub fn single(upstream: &str) -> Result<Config, ValueError> {
        let upstream: Upstream = upstream.parse()?;
        if let Some(Err(error)) = upstream.tls().map(ClientTls::config) {
            let why = format!("{upstream} cannot be verified: {error}");
            return Err(ValueError::new(why, "use a file, which can have `upstream_tls`"));
        }
        let host = upstream.host();
        let anonymous = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
        let name = named(host).filter(|_| !anonymous);
        Ok(Config::of(App::new(name.unwrap_or_else(unnamed), Some(upstream))))
    }

    /// The configuration of `ebbtide run -- COMMAND …`: an app that runs while somebody uses it.
    ///
    /// The app is named after the program, or after the module or script that the program runs
    /// (`python -m streamlit run app.py` is `streamlit`); `app` where that is no valid app name.
    #[must_use]
    pub fn command(command: Vec<String>, idle_after: Duration) -> Config {
        let name = command_name(&command).and_then(named);
        let driver = ProcessDriver {
            command,
            dir: None,
            env: BTreeMap::new(),
            ready_path: None,
            ready_timeout: ProcessDriver::READY_TIMEOUT,
            stop_timeout: ProcessDriver::STOP_TIMEOUT,
        };
        let mut app = App::new(name.unwrap_or_else(unnamed), None);
        app.idle_after = Some(idle_after);
        app.driver = Some(Driver::Process(driver));
        Config::of(app)
    }

    fn of(app: App) -> Config {
        Config { apps: vec![app], ..Config::default() }
    }
}

/// Reads what the key `idle_after` takes.
///
/// # Errors
///
/// When it is no duration from 1 s to 8760 h.
pub fn parse_idle_after(text: &str) -> Result<Duration, ValueError> {
    (duration(SECOND..=YEAR).parse)(text)
}

fn named(text: &str) -> Option<String> {
    app_name(text).ok()
}

fn unnamed() -> String {
    "app".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_gives_the_name_if_it_is_one() {
        for (command, name) in [
            ("streamlit run app.py", "streamlit"),
            ("python -m streamlit run app.py", "streamlit"),
            ("./serve.sh", "serve.sh"),
            ("./my\u{a0}app", "app"),
            ("node -e serve()", "app"),
            ("..", "app"),
            ("", "app"),
        ] {
            let words = command.split(' ').map(str::to_owned).collect();
            let config = Config::command(words, Duration::from_secs(1));
            assert_eq!(config.apps[0].name, name, "{command}");
        }
    }
}
