//! The service's answer is used again where it says so, for exactly the same question.

use crate::harness::app::HttpApp;
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::scene::{ask, asks, get, service, setup};

fn start(head: &'static str) -> (HttpApp, HttpApp, Proxy) {
    let (app, auth) = (HttpApp::named("app"), service(head));
    let lines = format!("{}forward_auth_headers = [\"X-User\"]\n", asks(auth.address()));
    let proxy = setup(app.address(), &lines).start();
    (app, auth, proxy)
}

#[test]
fn without_its_word_it_is_asked_each_time() {
    for head in [
        "200 OK\r\n",
        "200 OK\r\nCache-Control: no-store, max-age=60\r\n",
        "200 OK\r\nCache-Control: public\r\n",
        "200 OK\r\nCache-Control: max-age=0\r\n",
        "200 OK\r\nCache-Control: max-age=60\r\nSet-Cookie: s=1\r\n",
        "200 OK\r\nCache-Control: max-age=60\r\nVary: *\r\n",
        "200 OK\r\nExpires: Thu, 01 Dec 2050 16:00:00 GMT\r\n",
        // A refusal is not remembered: whoever has signed in since is not kept out.
        "401 Unauthorized\r\nCache-Control: max-age=60\r\n",
    ] {
        let (_app, auth, proxy) = start(head);
        let answers = [get(&proxy, "Cookie: s=1\r\n"), get(&proxy, "Cookie: s=1\r\n")];
        assert_eq!(auth.requests().len(), 2, "{head}");
        assert_eq!(answers[0].status(), answers[1].status());
    }
}

#[test]
fn with_its_word_only_the_same_question_is_answered_from_memory() {
    let head = "200 OK\r\nCache-Control: private, max-age=3000\r\nX-User: ann\r\n";
    let (app, auth, proxy) = start(head);
    let asked = |fields: &str| {
        assert_eq!(get(&proxy, fields).status(), 200);
        assert_eq!(app.last().head.get("x-user"), Some("ann"));
        auth.requests().len()
    };
    assert_eq!(asked("Cookie: s=1\r\n"), 1);
    assert_eq!(asked("Cookie: s=1\r\n"), 1);
    assert_eq!(asked("Cookie: s=1\r\nX-User: root\r\n"), 1, "it is not asked about that");
    assert_eq!(asked("Cookie: s=2\r\n"), 2);
    assert_eq!(asked(""), 3);
    assert_eq!(asked("Cookie: s=1\r\nAuthorization: Bearer t\r\n"), 4);
    assert_eq!(asked("Cookie: s=1\r\nX-Api-Key: k\r\n"), 5);
    assert_eq!(asked("Cookie: s=1\r\nUser-Agent: other\r\n"), 6);
    // Another path, method or host is another question.
    for (count, method, target) in [(7, "GET", "/admin"), (8, "GET", "/?a"), (9, "DELETE", "/")] {
        assert_eq!(ask(&proxy, method, target, "Cookie: s=1\r\n").status(), 200);
        assert_eq!(auth.requests().len(), count, "{method} {target}");
    }
    let mut wire = proxy.connect();
    wire.send(request("GET", "b.test", "/", "Connection: close\r\nCookie: s=1\r\n"));
    assert_eq!(Message::read_response(&mut wire, "GET").status(), 200);
    assert_eq!(auth.requests().len(), 10);
    assert_eq!(asked("Cookie: s=1\r\n"), 10);
}

#[test]
fn an_answer_ends_in_its_time() {
    let (_app, auth, proxy) = start("200 OK\r\nCache-Control: max-age=1\r\n");
    crate::harness::wait::eventually("it is asked again", || {
        assert_eq!(get(&proxy, "").status(), 200);
        (auth.requests().len() >= 3).then_some(())
    });
}
