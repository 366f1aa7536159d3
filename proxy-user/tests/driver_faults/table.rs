//! The table: what was observed, as Markdown.

use std::sync::Mutex;

use crate::harness::http::Message;
use crate::scene::Scene;

/// What came of a fault.
#[derive(Debug)]
pub(crate) struct Row {
    /// What somebody who opens the page sees.
    pub(crate) browser: String,
    /// What another request is answered.
    pub(crate) other: String,
    pub(crate) log: String,
    pub(crate) metric: String,
    pub(crate) afterwards: String,
}

struct Line {
    driver: &'static str,
    place: usize,
    text: String,
}

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());

pub(crate) fn add(driver: &'static str, place: usize, fault: &str, row: Row) {
    let Row { browser, other, log, metric, afterwards } = row;
    let cells = [driver, fault, &browser, &other, &log, &metric, &afterwards];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    LINES.lock().unwrap().push(Line { driver, place, text: format!("| {} |", cells.join(" | ")) });
}

pub(crate) fn print() {
    let mut lines = LINES.lock().unwrap();
    let order = |driver| ["process", "command", "http"].iter().position(|word| *word == driver);
    lines.sort_by_key(|line| (order(line.driver), line.place));
    println!(
        "| driver | fault | the visitor's browser | another request | log | metric (`ebbtide_…`) | afterwards |"
    );
    println!("|{}", " --- |".repeat(7));
    lines.iter().for_each(|line| println!("{}", line.text));
}

/// An answer in words.
pub(crate) fn answer(message: &Message) -> String {
    let reason = message.head.get("x-ebbtide-reason");
    let retry = message.head.get("retry-after").map(|_| ", `Retry-After`".to_owned());
    match reason {
        Some(reason) => format!("{} `{reason}`{}", message.status(), retry.unwrap_or_default()),
        None => format!("{} of the app", message.status()),
    }
}

/// What the counters of starts and suspensions have become, and whether anybody is still held.
pub(crate) fn metric(scene: &Scene) -> String {
    let metrics = scene.proxy.metrics();
    let told = ["ebbtide_wakes_total", "ebbtide_suspends_total"].into_iter().flat_map(|name| {
        let results = ["success", "failure", "cancelled"].into_iter();
        let counted = results.filter(|result| metrics.count(name, &[("result", result)]) > 0);
        counted
            .map(move |result| {
                let short = name.trim_start_matches("ebbtide_");
                format!("`{short}{{result=\"{result}\"}}`")
            })
            .collect::<Vec<_>>()
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "—".to_owned() } else { told.join(", ") }
}

/// Without what differs from run to run: folders, addresses, ports.
pub(crate) fn steady(scene: &Scene, text: &str) -> String {
    let binary = std::env::current_exe().unwrap().display().to_string();
    let text = text.replace(&scene.folder().display().to_string(), "…").replace(&binary, "app");
    let (mut words, mut digits) = (String::new(), String::new());
    let text = text.split("127.").enumerate().map(|(place, part)| match place {
        0 => part.to_owned(),
        _ => {
            let rest = part.trim_start_matches(|letter: char| {
                ".:".contains(letter) || letter.is_ascii_digit()
            });
            format!("HOST:PORT{rest}")
        }
    });
    let text: String = text.collect();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        // Ports have five digits, or nearly.
        words.push_str(if digits.len() > 3 { "N" } else { &digits });
        digits.clear();
        words.push(letter);
    }
    words.trim_end().to_owned()
}
