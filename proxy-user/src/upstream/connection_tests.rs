//! A connection that several tasks use, one after another.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Counts how often its task was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test]
async fn whoever_has_left_a_connection_is_not_woken_by_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap();
    let app = format!("http://{authority}").parse().unwrap();
    tokio::spawn(async move {
        let (mut app, _) = listener.accept().await.unwrap();
        let mut head = [0; 1024];
        while app.read(&mut head).await.unwrap() > 0 {
            app.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    });
    let connection = UpstreamConnection::<Empty<Bytes>>::open(&app, &builder(100)).await.unwrap();
    let (answer, connection) = connection.ask(Request::new(Empty::new())).await.unwrap();
    assert_eq!(answer.status(), 204);

    let mut connection = connection.unwrap();
    let woken = Arc::<Woken>::default();
    // As after any request, its task waits only for an answer, which has arrived.
    let waker = Waker::from(Arc::clone(&woken));
    assert!(!connection.is_over(&mut Context::from_waker(&waker)));
    connection.leave();
    let (answer, connection) = connection.ask(Request::new(Empty::new())).await.unwrap();
    assert_eq!((answer.status().as_u16(), connection.is_some()), (204, true));
    assert_eq!(woken.0.load(Relaxed), 0);
}
