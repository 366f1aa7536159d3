//! `/api/apps`: the current state of each app, and the reasons for it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LifeView, LossesView, ShadowView, TrafficView, ago, time};
use crate::clock;
use crate::core::cadence::{self, Carrier, Hints};
use crate::core::cpu;
use crate::core::frame::Opcode;
use crate::core::gate::Activity;
use crate::core::history::Entry;
use crate::core::time::Nanos;
use crate::session::{Account, App, OpenWork, Registry, RuleCount};

/// How far apart the gate and the account may see the same activity: a few moments.
const SAME: Duration = Duration::from_millis(20);

/// One app.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AppView {
    pub(crate) app: String,
    /// The state of its lifecycle. Without a driver: `running`, or `failed` if it refuses connections.
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) life: LifeView,
    /// The proxy's clock.
    pub(crate) now: String,
    pub(crate) sessions: usize,
    #[serde(flatten)]
    pub(crate) losses: LossesView,
    /// As configured.
    pub(crate) packs: Vec<String>,
    /// Those recognised with `packs = ["auto"]`.
    pub(crate) packs_recognised: Vec<String>,
    pub(crate) count: String,
    pub(crate) last_activity: Option<LastActivity>,
    /// Its work on somebody's behalf, as far as detected.
    #[serde(default)]
    pub(crate) work: WorkView,
    pub(crate) ignored: Vec<IgnoredView>,
    /// Frames of the app that do not count because only input does.
    pub(crate) ignored_output: u64,
    pub(crate) idle_after_seconds: Option<f64>,
    /// What happens when it is idle: `suspend`, `shadow`, or nothing.
    pub(crate) on_idle: Option<String>,
    /// When it will be suspended if nothing counts until then; `None` = never.
    pub(crate) suspends_at: Option<String>,
    pub(crate) suspends_in_seconds: Option<f64>,
    pub(crate) shadow: Option<ShadowView>,
    /// How many kinds of steady messages no rule matches.
    pub(crate) cadence_hints: usize,
}

/// Work in progress.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct WorkView {
    /// Since when it has been at work for somebody; absent = it is not.
    pub(crate) since: Option<String>,
    pub(crate) seconds: Option<f64>,
    /// When the last work ended whose result can still be fetched.
    pub(crate) last_ended: Option<String>,
    /// The CPU time used in the last minute, in percent of one core; absent = not measured.
    #[serde(default)]
    pub(crate) cpu_percent: Option<f64>,
    /// Work in progress, by rule; `cpu` = detected by CPU time.
    pub(crate) open: Vec<OpenWorkView>,
}

/// Work detected by one rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OpenWorkView {
    pub(crate) rule: String,
    pub(crate) count: usize,
    /// When the oldest began.
    pub(crate) since: String,
    /// `person`, or `page`: started by a page when it was opened or by a timer, so that it keeps nothing
    /// awake.
    pub(crate) by: String,
    /// Somebody is connected to the session that it belongs to.
    pub(crate) watched: bool,
}

/// The newest activity.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LastActivity {
    pub(crate) at: String,
    pub(crate) ago_seconds: f64,
    #[serde(flatten)]
    pub(crate) traffic: TrafficView,
}

/// What one rule ignored as machinery.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IgnoredView {
    pub(crate) rule: String,
    /// The rule's class.
    pub(crate) reason: String,
    pub(crate) count: u64,
    pub(crate) last: String,
    pub(crate) ago_seconds: f64,
    /// The session; `None` = a plain request.
    pub(crate) session: Option<u64>,
}

/// One app and its recent history.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AppDetail {
    #[serde(flatten)]
    pub(crate) view: AppView,
    pub(crate) history: HistoryView,
    pub(crate) hints: Vec<HintView>,
    /// The hints as a file for `pack_dir`; empty if there are none.
    pub(crate) hints_pack: String,
}

/// Both newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HistoryView {
    pub(crate) counted: Vec<EntryView>,
    pub(crate) ignored: Vec<EntryView>,
}

/// Traffic of one kind in one session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryView {
    pub(crate) first: String,
    pub(crate) last: String,
    /// How often it was recorded: at most once a second.
    pub(crate) noted: u64,
    #[serde(flatten)]
    pub(crate) traffic: TrafficView,
}

/// Probable machinery that no rule matches.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HintView {
    pub(crate) period_seconds: f64,
    pub(crate) kind: String,
    pub(crate) bytes: (u16, u16),
    /// Messages in a row.
    pub(crate) run: u16,
    pub(crate) digest: String,
    pub(crate) path: String,
    pub(crate) session: Option<u64>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) ago_seconds: f64,
    /// The rule to paste.
    pub(crate) rule: String,
}

impl AppView {
    /// The current state of an app.
    pub(crate) fn of(app: &Arc<App>, registry: &Registry) -> AppView {
        let now = clock::now();
        let (policy, account) = (app.policy(), &app.account);
        let config = &policy.config;
        let newest = app.gate.newest();
        let counts = registry.counts(std::slice::from_ref(app));
        let shadow = ShadowView::of(app, now);
        let suspends_at = app.suspends_at(now);
        let is_suspended = config.idle_after.is_some() && app.life.is_driven();
        AppView {
            app: config.name.clone(),
            state: app.state().to_owned(),
            life: LifeView::of(app, now),
            now: time(now),
            sessions: app.live.load(Relaxed),
            losses: LossesView::of(&app.losses),
            packs: config.packs.clone(),
            packs_recognised: account.packs_recognised(),
            count: config.count.to_string(),
            last_activity: newest.map(|activity| last_activity(account, activity)),
            work: WorkView::of(app, now),
            ignored: ignored(account),
            ignored_output: counts.iter().map(|counts| counts.app.uncounted).sum(),
            idle_after_seconds: config.idle_after.map(|after| after.as_secs_f64()),
            on_idle: match &shadow {
                Some(_) => Some("shadow".to_owned()),
                None => is_suspended.then(|| "suspend".to_owned()),
            },
            suspends_at: suspends_at.map(time),
            suspends_in_seconds: suspends_at.map(|at| at.since(now).as_secs_f64()),
            shadow,
            cadence_hints: account.hint_count(),
        }
    }
}

impl WorkView {
    fn of(app: &App, now: Nanos) -> WorkView {
        let busy = app.work.busy();
        let view = |open: OpenWork| OpenWorkView {
            rule: open.rule.to_string(),
            count: open.count,
            since: time(open.since),
            by: if open.by_page { "page" } else { "person" }.to_owned(),
            watched: open.watched,
        };
        WorkView {
            since: busy.map(time),
            seconds: busy.map(|since| now.since(since).as_secs_f64()),
            last_ended: app.work.left().map(time),
            cpu_percent: app.work.cpu().map(|used| 100.0 * used.div_duration_f64(cpu::WINDOW)),
            open: app.work.open().into_iter().map(view).collect(),
        }
    }
}

fn last_activity(account: &Account, activity: Activity) -> LastActivity {
    let last = account.newest(activity.reason);
    // The account may not have been updated yet with what the gate has just seen.
    let last = last.filter(|last| activity.at.since(last.at) <= SAME);
    let traffic = match last {
        Some(last) => TrafficView::of(&last.key, account.rule_of(last.key.what).as_ref()),
        None => TrafficView::unknown(activity.reason),
    };
    LastActivity { at: time(activity.at), ago_seconds: ago(activity.at), traffic }
}

fn ignored(account: &Account) -> Vec<IgnoredView> {
    let mut rules = account.ignored_by_rule();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.count));
    let row = |rule: RuleCount| IgnoredView {
        rule: rule.rule.to_string(),
        reason: rule.rule.class.as_str().to_owned(),
        count: rule.count,
        last: time(rule.last),
        ago_seconds: ago(rule.last),
        session: rule.session,
    };
    rules.into_iter().map(row).collect()
}

impl AppDetail {
    /// The current state of an app, and its recent history.
    pub(crate) fn of(app: &Arc<App>, registry: &Registry) -> AppDetail {
        let account = &app.account;
        let (history, hints) = (account.history(), account.hints());
        let entry = |entry: &Entry| EntryView {
            first: time(entry.first),
            last: time(entry.last),
            noted: entry.noted,
            traffic: TrafficView::of(&entry.key, account.rule_of(entry.key.what).as_ref()),
        };
        AppDetail {
            view: AppView::of(app, registry),
            history: HistoryView {
                counted: history.counted().map(entry).collect(),
                ignored: history.ignored().map(entry).collect(),
            },
            hints_pack: cadence::pack(&app.name, &hints),
            hints: hint_views(&hints),
        }
    }
}

fn hint_views(hints: &Hints) -> Vec<HintView> {
    let view = |known: &cadence::Known| HintView {
        period_seconds: known.hint.period.as_secs_f64(),
        kind: match known.hint.carrier {
            Carrier::Message(Opcode::Binary) => "binary".to_owned(),
            Carrier::Message(_) => "text".to_owned(),
            Carrier::Request(method) => method.as_str().to_owned(),
        },
        bytes: (known.hint.least, known.hint.most),
        run: known.hint.run,
        digest: known.hint.digest.to_string(),
        path: known.path.as_str().to_owned(),
        session: known.session,
        first: time(known.first),
        last: time(known.last),
        ago_seconds: ago(known.last),
        rule: cadence::rule(known),
    };
    hints.iter().map(view).collect()
}
