//! Turns in simulated time.

use std::collections::VecDeque;

use super::*;
use crate::config;
use crate::core::gate::Reason;

const MILLISECOND: u64 = 1_000_000;
const INTERVAL: Duration = Duration::from_secs(30);

fn apps(count: usize) -> Vec<Arc<App>> {
    let upstream: config::Upstream = "http://127.0.0.1:1".parse().unwrap();
    let app = |n| {
        let config = config::App::new(format!("app-{n}"), Some(upstream.clone()));
        Arc::new(App::new(config, <_>::default(), <_>::default(), 0, Nanos(0)))
    };
    (0..count).map(app).collect()
}

fn touch(apps: &[Arc<App>], now: Nanos) {
    apps.iter().for_each(|app| app.gate.touch(now, Reason::Input));
}

/// A control plane that answers `parallel` reports at a time, each after `answer` milliseconds, and
/// how often it was told of each app in `seconds`, all of them busy.
fn told(count: usize, interval: Duration, answer: u64, seconds: u64) -> Vec<usize> {
    let apps = apps(count);
    let mut told = vec![0; count];
    let mut posts = Posts::default();
    posts.follow(apps.clone());
    let mut under_way = VecDeque::new();
    for millisecond in 1..=seconds * 1000 {
        let now = Nanos(millisecond * MILLISECOND);
        if millisecond % 250 == 0 {
            touch(&apps, now);
            posts.begin_round();
        }
        while under_way.front().is_some_and(|(due, _)| *due <= millisecond) {
            let Some((_, app)) = under_way.pop_front() else { break };
            posts.answered(&app, true, now);
        }
        while under_way.len() < 32 {
            let Some((app, _)) = posts.next_due(now, interval) else { break };
            let number: usize = app.name.strip_prefix("app-").unwrap().parse().unwrap();
            told[number] += 1;
            under_way.push_back((millisecond + answer, app));
        }
    }
    told
}

fn least_and_most(told: &[usize]) -> (usize, usize) {
    (*told.iter().min().unwrap(), *told.iter().max().unwrap())
}

#[test]
fn five_thousand_busy_apps_are_all_told_in_every_interval() {
    assert_eq!(least_and_most(&told(5000, INTERVAL, 100, 120)), (4, 4));
}

/// 32 answers a second: more than two and a half minutes for all.
#[test]
fn a_slow_control_plane_is_told_of_every_app_in_turn() {
    let (least, most) = least_and_most(&told(5000, INTERVAL, 1000, 600));
    assert!(least >= 3 && most - least <= 1, "{least} to {most}");
    let (least, most) = least_and_most(&told(40, Duration::from_millis(200), 1, 10));
    assert!(least >= 35 && most - least <= 1, "{least} to {most}");
}

#[test]
fn apps_come_and_go_and_nobody_is_told_twice() {
    let all = apps(6);
    let now = Nanos(MILLISECOND * 5000);
    touch(&all, now);
    let mut posts = Posts::default();
    posts.follow(all[..4].to_vec());
    posts.begin_round();
    let mut names = Vec::new();
    let next = |posts: &mut Posts, names: &mut Vec<String>| {
        let due = posts.next_due(now, INTERVAL);
        names.extend(due.map(|(app, _)| app.name.to_string()));
    };
    (0..3).for_each(|_| next(&mut posts, &mut names));
    posts.follow([&all[..1], &all[4..]].concat());
    posts.begin_round();
    (0..9).for_each(|_| next(&mut posts, &mut names));
    names.sort();
    assert_eq!(names, ["app-0", "app-1", "app-2", "app-4", "app-5"]);
    posts.follow(Vec::new());
    posts.begin_round();
    assert!(posts.next_due(now, INTERVAL).is_none());
}
