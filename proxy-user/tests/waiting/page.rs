//! The page, and `.ebbtide/wait`.

use crate::harness::scratch::Scratch;
use crate::scene::Scene;

#[test]
fn a_visitor_sees_the_start_and_comes_in() {
    let scene = Scene::held("");
    let page = scene.visit("/?folder=a&x=%2F");
    assert_eq!(page.assert_own(503), "app-starting");
    assert_eq!(page.head.get("cache-control"), Some("no-store"));
    assert_eq!(page.head.get("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<title>Starting… – demo</title>"), "{}", page.text());
    let refresh = "/.ebbtide/wait?n=1&to=/?folder=a%26x=%252F";
    let shown = refresh.replace('/', "&#x2f;").replace("&to", "&amp;to");
    assert!(page.text().contains(&format!("content=\"3;url={shown}\"")), "{}", page.text());

    let again = scene.visit(refresh);
    assert_eq!(again.assert_own(503), "app-starting");
    assert!(again.text().contains("wait?n=2&amp;to="), "{}", again.text());
    let mut events = scene.listen();
    let first = events.next().unwrap();
    assert_eq!((&first["state"], &first["reason"]), (&"starting".into(), &"".into()));
    scene.go();
    assert_eq!(events.next().unwrap()["state"], "running");
    assert!(events.next().is_none(), "there is nothing more to tell");

    let enter = scene.visit(refresh);
    assert_eq!(enter.assert_own(303), "app-ready");
    assert_eq!(enter.head.get("location"), Some("/?folder=a&x=%2F"));
    for elsewhere in ["//evil.example/", "/%5Cevil.example", "https://evil.example/", ""] {
        let enter = scene.visit(&format!("/.ebbtide/wait?to={elsewhere}"));
        assert_eq!(enter.head.get("location"), Some("/"), "{elsewhere}");
    }
    let inside = scene.visit("/");
    assert_eq!((inside.status(), inside.head.get("x-ebbtide-reason")), (200, None));
}

/// When the app runs, those who waited for it are told apart in the queue for its seats.
#[test]
fn who_waits_for_an_app_with_seats_is_known() {
    let scene = Scene::held("max_sessions = 1");
    let cookie = |target| {
        let page = scene.visit(target);
        assert_eq!(page.assert_own(503), "app-starting");
        page.head.get("set-cookie").unwrap().to_owned()
    };
    let first = cookie("/");
    assert!(first.starts_with("ebbtide-seat="), "{first}");
    assert_ne!(cookie("/.ebbtide/wait?n=1&to=/"), first);
    assert_eq!(Scene::held("").visit("/").head.get("set-cookie"), None);
}

#[test]
fn looking_neither_counts_nor_starts_anything() {
    let scene = Scene::held("path = \"/x\"");
    let page = scene.visit("/x/.ebbtide/wait?to=/x/y");
    assert_eq!(page.assert_own(503), "app-suspended");
    assert!(page.text().contains("href=\"&#x2f;x&#x2f;y\">Try again"), "{}", page.text());
    for accept in ["application/json", "*/*"] {
        scene.get("/x/.ebbtide/wait", accept);
    }
    assert_eq!(scene.visit("/x/.ebbtide/other").assert_own(404), "not-found");
    let metrics = scene.proxy.metrics();
    assert_eq!(metrics.count("ebbtide_app_state", &[("state", "suspended")]), 1);
    assert_eq!(metrics.count("ebbtide_activity_total", &[("reason", "request")]), 0);
    let late = scene.visit("/x/.ebbtide/wait?n=1200&to=/x/y");
    assert!(!late.text().contains("http-equiv"), "it has asked for an hour");
}

#[test]
fn what_a_failed_app_printed_is_for_those_who_run_it() {
    for (lines, shown) in [("", false), ("show_output = true", true)] {
        let script = "echo 'key=<b>hush & hush</b>' >&2; echo ' ' >&2; exit 3";
        let scene = Scene::script(script, lines);
        scene.visit("/");
        let failed = scene.await_state("failed");
        let why = "it exited with status 3";
        assert_eq!(failed["reason"], why);
        let printed = if shown { "key=<b>hush & hush</b>\n " } else { "" };
        let told = scene.listen().next().unwrap();
        assert_eq!((&failed["output"], &told["output"]), (&printed.into(), &printed.into()));
        assert_eq!(told["reason"], why);

        let page = scene.visit("/.ebbtide/wait?to=/");
        assert_eq!(page.assert_own(503), "app-failed");
        assert!(page.text().contains("<title>Could not start – demo</title>"), "{}", page.text());
        assert!(page.text().contains(&format!(">{why}</p>")), "{}", page.text());
        assert!(!page.text().contains("<b>"), "it is text: {}", page.text());
        let as_text = "key=&lt;b&gt;hush &amp; hush&lt;&#x2f;b&gt;";
        assert_eq!(page.text().contains(as_text), shown, "{}", page.text());
        assert_eq!(page.text().contains("hush"), shown);

        let told = scene.proxy.admin("/api/apps/demo", "");
        let words = "status 3; its last line: key=<b>hush";
        assert!(told.text().contains(words), "{}", told.text());
    }
}

/// The command that could not be started, and the folders where it was looked for.
#[test]
fn a_command_that_cannot_be_started_is_named_to_those_who_run_it() {
    let app = "[[app]]\nname = \"demo\"\n[app.driver]\nkind = \"process\"\ncommand = [\"no-such-program\"]\n\
               env = { PATH = \"/opt/hush\" }\n";
    let scene = Scene::of(app);
    scene.visit("/");
    let failed = scene.await_state("failed").to_string();
    let told = scene.listen().next().unwrap().to_string();
    let (page, again) = (scene.visit("/"), scene.visit("/.ebbtide/wait"));
    for text in [&*failed, &*told, page.text(), again.text()] {
        assert!(text.contains("it could not be started"), "{text}");
        assert!(!text.contains("hush") && !text.contains("no-such-program"), "{text}");
    }
    let api = scene.proxy.admin("/api/apps/demo", "");
    for words in ["hush", "no-such-program"] {
        assert!(api.text().contains(words), "{}", api.text());
        assert!(scene.proxy.log().text().contains(words));
    }
}

#[test]
fn streams_end_when_the_process_leaves() {
    let scene = Scene::held("");
    let mut events = scene.listen();
    assert_eq!(events.next().unwrap()["state"], "suspended");
    scene.proxy.terminate();
    assert!(events.next().is_none());
}

#[test]
fn an_app_may_have_a_page_of_its_own() {
    let scratch = Scratch::new();
    let file = scratch.file("own.html", "<p>{{ app }} {{ state }} {{ url }}");
    let scene = Scene::held(&format!("waiting_page = {file:?}"));
    let page = scene.visit("/a");
    assert_eq!(page.assert_own(503), "app-starting");
    assert_eq!(page.text(), "<p>demo starting &#x2f;a");
}
