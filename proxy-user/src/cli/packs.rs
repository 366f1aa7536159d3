//! `ebbtide packs`: shows the packs, and tries them on recorded traffic.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::flags::PackFlag;
use super::{Failure, result};
use crate::packs::{AUTO, PackFile, Packs, PacksError};
use crate::replay::{Labels, Outcome, find, replay, table};

/// `ebbtide packs list|show|test`
#[derive(Debug, Args)]
pub(super) struct PacksCommand {
    #[command(subcommand)]
    action: Action,
    /// Directory with your own packs, like `pack_dir` in the configuration
    #[arg(long, global = true, value_name = "DIR")]
    pack_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the packs: framework, versions, how the rules were verified, and what counts
    List {
        /// Write a Markdown table, which also says what a forgotten tab does while its app is down
        #[arg(long)]
        markdown: bool,
    },
    /// Print a pack as it is written
    Show {
        /// The pack's name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Replay recordings, and show what counts, what each rule ignores, and errors
    Test {
        /// Recordings NAME.jsonl with NAME.http.jsonl beside it, or folders of them
        #[arg(value_name = "RECORDING", required = true)]
        recordings: Vec<PathBuf>,
        #[command(flatten)]
        packs: PackFlag,
        /// Write one JSON array
        #[arg(long)]
        json: bool,
    },
}

impl PacksCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let packs = Packs::open(self.pack_dir.as_deref()).map_err(failure)?;
        match self.action {
            Action::List { markdown: false } => result::write(list(&packs)),
            Action::List { markdown: true } => result::write(markdown(&packs)),
            Action::Show { name } => result::write(&packs.get(&name).map_err(failure)?.text),
            Action::Test { recordings, packs: PackFlag { pack }, json } => {
                let names = match pack.as_slice() {
                    [] => vec![AUTO.to_owned()],
                    names => names.to_owned(),
                };
                test(&packs, &names, &recordings, json)
            }
        }
    }
}

/// Mistakes in pack files and unknown names are usage errors; an unreadable folder is not.
fn failure(error: PacksError) -> Failure {
    match error {
        PacksError::Mistakes(mistakes) => Failure::Mistakes(mistakes),
        PacksError::Directory { .. } => Failure::Run(error.into()),
        PacksError::Unknown { .. } | PacksError::TooMany(_) => Failure::Usage(error.to_string()),
    }
}

fn test(
    packs: &Packs,
    names: &[String],
    recordings: &[PathBuf],
    json: bool,
) -> Result<(), Failure> {
    let book = packs.book(names).map_err(failure)?;
    let labels = Labels::find(recordings).map_err(anyhow::Error::from)?;
    let recordings = find(recordings).map_err(anyhow::Error::from)?;
    let outcomes: Vec<Outcome> =
        recordings.iter().map(|recording| replay(&book, recording, &labels)).collect();
    if json {
        let json = serde_json::to_string_pretty(&outcomes).map_err(anyhow::Error::from)?;
        return result::write(format_args!("{json}\n"));
    }
    let mut text = table(&outcomes);
    if !labels.is_empty() {
        let wrong = labels.judge(&book);
        let (all, bad) = (labels.len(), wrong.len());
        text += &format!("\n{all} labelled messages, {bad} taken for something else\n");
        for one in wrong {
            let rule = one.rule.as_deref().unwrap_or("nothing");
            let (recording, expect, message) = (&one.recording, &one.expect, &one.message);
            text += &format!("  {recording}: {expect} ignored by {rule}: {message}\n");
        }
    }
    result::write(text)
}

fn advice(file: &PackFile) -> &'static str {
    match file.pack.count {
        Some(advice) => advice.as_str(),
        None => "-",
    }
}

fn list(packs: &Packs) -> String {
    let mut rows = vec![["PACK", "COUNTS", "SEEN BY", "ABOUT"].map(str::to_owned)];
    for file in packs.iter() {
        let own = if file.path.is_some() { " (from pack_dir)" } else { "" };
        let about = &file.pack.about;
        rows.push([
            file.pack.name.to_string(),
            advice(file).to_owned(),
            about.confidence.clone(),
            format!("{}{own}", about.about),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |[name, counts, seen, about]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{name:first$}  {counts:second$}  {seen:third$}  {about}\n")
    };
    rows.iter().map(line).collect()
}

fn markdown(packs: &Packs) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |file: &PackFile| {
        let about = &file.pack.about;
        let cells = [&about.about, &about.versions, &about.confidence, &about.away];
        let [what, versions, confidence, away] = cells.map(|text| cell(text));
        let name = &file.pack.name;
        format!("| `{name}` | {what} | {versions} | {confidence} | {} | {away} |\n", advice(file))
    };
    let head =
        "| pack | for | versions | seen by | counts | a forgotten tab while the app is away |\n";
    let line = "| --- | --- | --- | --- | --- | --- |\n";
    head.to_owned() + line + &packs.iter().map(row).collect::<String>()
}
