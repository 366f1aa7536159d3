use super::*;

const GRACE: Duration = Duration::from_secs(6);

fn at(millis: u64) -> Nanos {
    Nanos(1_000_000_000_000 + millis * 1_000_000)
}

fn look(millis: u64) -> Look {
    Look {
        at: at(millis),
        input: Counts::default(),
        output: Counts::default(),
        queued: 0,
        acked: 0,
        progress: None,
        over: None,
    }
}

fn data(frames: u64) -> Counts {
    Counts { data: frames, activity: frames, ..Counts::default() }
}

fn words(story: &Story, millis: u64) -> String {
    story.verdict(at(millis), None).words()
}

#[test]
fn control_frames_are_no_activity() {
    let mut story = Story::new(look(0), GRACE);
    assert_eq!(words(&story, 0), "not activity: no frame yet");
    let pings = Counts { control: 3, ..Counts::default() };
    story.tell(Look { input: pings, output: pings, ..look(60_000) });
    assert_eq!(words(&story, 60_000), "not activity: only control frames");
}

#[test]
fn who_has_just_come_is_active_and_then_is_not() {
    let story = Story::new(look(0), GRACE);
    let words = |seconds, reason| {
        story.verdict(at(0), Some((Duration::from_secs(seconds), reason))).words()
    };
    assert_eq!(words(9, Reason::Upgrade), "activity: upgrade 9 s ago");
    assert_eq!(words(10, Reason::Upgrade), "not activity: no frame yet");
    // The session's own frames say whose activity it was.
    assert_eq!(words(1, Reason::Input), "not activity: no frame yet");
}

#[test]
fn input_counts_before_output_and_both_grow_old() {
    let mut story = Story::new(Look { input: data(1), ..look(0) }, GRACE);
    story.tell(Look { input: data(1), output: data(5), ..look(3_000) });
    assert_eq!(words(&story, 3_000), "activity: input 3 s ago");
    assert_eq!(words(&story, 10_000), "activity: output 7 s ago");
    assert_eq!(words(&story, 42_000), "not activity: no data frame for 39 s");
}

#[test]
fn frames_that_do_not_count_are_no_activity() {
    let ignored = Counts { data: 9, ..Counts::default() };
    let story = Story::new(Look { output: ignored, ..look(0) }, GRACE);
    assert_eq!(words(&story, 0), "not activity: no frame yet");
}

#[test]
fn a_slow_client_drains_and_a_frozen_one_stalls() {
    let mut story = Story::new(look(0), GRACE);
    for second in 1..=10 {
        let now = at(second * 1000);
        let slow = Look { queued: 900_000, acked: second * 16_000, progress: Some(now), ..look(0) };
        story.tell(Look { at: now, output: data(second), ..slow });
    }
    assert_eq!(words(&story, 10_000), "alive: draining slowly — 16 KB/s, 900 KB queued");
    assert_eq!(story.verdict(at(10_000), None).tone(), Tone::Good);
    let frozen = Look {
        queued: 2_140_000,
        acked: 160_000,
        progress: Some(at(10_000)),
        output: data(10),
        ..look(15_000)
    };
    story.tell(frozen);
    assert_eq!(
        words(&story, 15_000),
        "stalling: 2.1 MB queued, no progress for 5 s, reaped at 6 s"
    );
    let cause = Some(Some(Cause::ClientStalled));
    story.tell(Look { at: at(16_250), over: cause, ..frozen });
    for later in [16_250, 99_000] {
        let words = words(&story, later);
        assert_eq!(words, "reaped: stalled — 2.1 MB queued, no progress for 6 s");
    }
    story.tell(look(100_000));
    assert!(story.over(), "nothing follows the end");
}

#[test]
fn an_old_progress_is_no_stall_while_nothing_waited() {
    let calm = Look { progress: Some(at(0)), ..look(0) };
    let mut story = Story::new(calm, GRACE);
    story.tell(Look { at: at(60_000), queued: 10, ..calm });
    assert!(matches!(story.verdict(at(61_000), None), Verdict::Machinery { .. }));
    assert!(matches!(story.verdict(at(63_000), None), Verdict::Stalling { .. }));
}

#[test]
fn endings_say_why() {
    let end = |cause| {
        let story = Story::new(Look { over: Some(cause), ..look(0) }, GRACE);
        words(&story, 0)
    };
    assert_eq!(end(None), "ended: both sides closed");
    assert_eq!(end(Some(Cause::ClientReset)), "ended: client reset");
    assert_eq!(end(Some(Cause::AppReset)), "reaped: app peer closed");
    assert_eq!(end(Some(Cause::CloseTimeout)), "ended: close timed out");
    assert_eq!(end(Some(Cause::AppGone)), "reaped: app peer closed");
    assert!(end(Some(Cause::ClientGone)).starts_with("reaped: peer closed"));
}

#[test]
fn bytes_in_thousands() {
    let shown = [0, 999, 1_000, 999_999, 2_640_000].map(bytes);
    assert_eq!(shown, ["0 B", "999 B", "1 KB", "999 KB", "2.6 MB"]);
}
