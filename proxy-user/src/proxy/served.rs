//! What is served, as the configuration in force says. A reload replaces it whole; apps that go on under
//! their name are the same before and after.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::activity;
use crate::admin::Token;
use crate::config::Config;
use crate::core::pack::RuleBook;
use crate::core::route::Router;
use crate::core::time::Nanos;
use crate::events::Events;
use crate::packs::{Packs, PacksError};
use crate::session::App;

/// A configuration with everything that was read and made for it.
#[derive(Debug)]
pub struct Plan {
    config: Config,
    /// The rules of each app.
    books: Vec<RuleBook>,
    admin_token: Option<Token>,
    reports: Option<Arc<activity::Client>>,
}

/// What is served.
#[derive(Debug)]
pub struct Served {
    /// What is configured.
    pub config: Config,
    /// The apps, in the order of the configuration.
    pub apps: Vec<Arc<App>>,
    /// What the admin address asks for.
    pub admin_token: Option<Token>,
    /// Where activity is told.
    pub reports: Option<Arc<activity::Client>>,
    /// Apps that the configuration has lost, for the sake of the sessions that they have left.
    former: Vec<Arc<App>>,
    router: Router,
}

impl Plan {
    /// Reads and makes what `config` needs.
    ///
    /// # Errors
    /// A token file that cannot be read or used, or an app that names a pack that there is not.
    pub fn new(config: Config, packs: &Packs) -> anyhow::Result<Plan> {
        let books = config.apps.iter().map(|app| packs.book(&app.packs));
        Ok(Plan {
            books: books.collect::<Result<_, PacksError>>()?,
            admin_token: config.admin_token_file.as_deref().map(Token::read).transpose()?,
            reports: config.report.clone().map(activity::Client::new).transpose()?.map(Arc::new),
            config,
        })
    }

    /// What is configured.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Served {
    /// Serves what is planned. Apps that were served `before` keep what is known of them.
    pub(super) fn new(plan: Plan, before: &[Arc<App>], events: &Events, now: Nanos) -> Served {
        let Plan { config, books, admin_token, reports } = plan;
        let app = |(app, book): (&crate::config::App, RuleBook)| match before
            .iter()
            .find(|known| *known.name == app.name)
        {
            Some(known) => {
                known.configure(app.clone(), book, now);
                Arc::clone(known)
            }
            None => Arc::new(App::new(app.clone(), book, events.clone(), now)),
        };
        let apps: Vec<_> = config.apps.iter().zip(books).map(app).collect();
        let hosts = config.apps.iter().map(|app| (&app.hosts[..], app.path.as_str()));
        let is_former = |app: &&Arc<App>| !config.apps.iter().any(|kept| kept.name == *app.name);
        Served {
            router: Router::new(hosts),
            former: before.iter().filter(is_former).filter(has_sessions).cloned().collect(),
            apps,
            admin_token,
            reports,
            config,
        }
    }

    /// The app for a host and a path.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<&Arc<App>> {
        self.apps.get(self.router.find(host, path)?)
    }

    /// The apps, and behind them those that the configuration has lost and that have sessions left.
    #[must_use]
    pub fn all_apps(&self) -> Vec<Arc<App>> {
        self.apps.iter().chain(self.former.iter().filter(has_sessions)).cloned().collect()
    }
}

fn has_sessions(app: &&Arc<App>) -> bool {
    app.live.load(Relaxed) > 0
}
