//! `ebbtide explain`: why an app is awake, as told by the admin address of a running proxy.

mod life;
mod table;
mod words;

use crate::admin_client::{AdminClient, AskError, Reply};
use crate::views::{AppDetail, AppView};

/// The proxy's answer about one app, or all.
#[derive(Debug)]
pub struct Answer {
    json: String,
    told: Told,
}

/// One app, or all.
#[derive(Debug)]
enum Told {
    One(Box<AppDetail>),
    All(Vec<AppView>),
}

/// Asks about the app of this name.
///
/// # Errors
/// The address cannot be reached, refuses, or knows no such app.
pub async fn explain(client: &AdminClient, name: &str) -> Result<Answer, AskError> {
    let Reply { json, told } = client.app(name).await?;
    Ok(Answer { json, told: Told::One(Box::new(told)) })
}

/// Asks about all apps; if there is only one, in full.
///
/// # Errors
/// The address cannot be reached or refuses.
pub async fn explain_all(client: &AdminClient) -> Result<Answer, AskError> {
    let all = explain_apps(client).await?;
    match &all.told {
        Told::All(apps) if apps.len() == 1 => {
            let one = explain(client, &apps[0].app).await?;
            // The JSON has the same form for one app and for many.
            Ok(Answer { json: all.json, told: one.told })
        }
        _ => Ok(all),
    }
}

/// Asks about all apps.
///
/// # Errors
/// The same.
pub async fn explain_apps(client: &AdminClient) -> Result<Answer, AskError> {
    let Reply { json, told } = client.apps().await?;
    Ok(Answer { json, told: Told::All(told) })
}

impl Answer {
    /// The proxy's answer: a JSON object, or an array of them.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// A line for each app.
    #[must_use]
    pub fn table(&self) -> String {
        match &self.told {
            Told::One(detail) => table::table(std::slice::from_ref(&detail.view)),
            Told::All(apps) => table::table(apps),
        }
    }

    /// In plain words; `colour`: for a terminal.
    #[must_use]
    pub fn words(&self, colour: bool) -> String {
        match &self.told {
            Told::One(detail) => words::tell(detail, colour),
            Told::All(apps) => words::tell_all(apps, colour),
        }
    }
}
