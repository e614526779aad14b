//! What is sent and what is read: pinned connections, no redirects, no proxies, sizes and times.

use std::{
    io::Write,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use grc_outbound::{Limits, OutboundError, Request};

use crate::support::{Names, Server, answer, outbound, serve};

fn limits() -> Limits {
    Limits { body: 1_000, connect: Duration::from_secs(2), total: Duration::from_millis(900) }
}

async fn get(server: &Server, limits: Limits) -> Result<(u16, Vec<u8>), OutboundError> {
    let guard = outbound(true, &Names::new(&[&["127.0.0.1"]]), limits);
    let target = guard.target(&format!("http://vendor.example.org:{}/mcp?a=b", server.address.port())).unwrap();
    let answer = guard.send(Request::get(target)).await?;
    let status = answer.status;
    Ok((status, answer.bytes().await?.to_vec()))
}

#[tokio::test]
async fn the_connection_goes_where_the_name_was_judged_to_lead() {
    let server = serve(answer("HTTP/1.1 200 OK", "yes"));
    // The second answer leads to a place where nobody listens: whoever asked again would get nothing.
    let names = Names::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let guard = outbound(true, &names, limits());
    let target = guard.target(&format!("http://vendor.example.org:{}/mcp", server.address.port())).unwrap();
    let body = guard.send(Request::get(target)).await.unwrap().bytes().await.unwrap();
    assert_eq!((&body[..], names.asked.load(Ordering::SeqCst)), (&b"yes"[..], 1));
    let request = server.requests.lock().unwrap().join("").to_lowercase();
    assert!(request.starts_with("get /mcp http/1.1"), "{request}");
    assert!(request.contains(&format!("host: vendor.example.org:{}", server.address.port())), "{request}");
    assert!(request.contains("accept-encoding: identity") && !request.contains("referer"), "{request}");
}

#[tokio::test]
async fn no_connection_outlives_its_request() {
    let server = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok");
    });
    let names = Names::new(&[&["127.0.0.1"]]);
    let guard = outbound(true, &names, limits());
    for _ in 0..3 {
        let target = guard.target(&format!("http://vendor.example.org:{}/", server.address.port())).unwrap();
        guard.send(Request::get(target)).await.unwrap().bytes().await.unwrap();
    }
    assert_eq!((server.connections.load(Ordering::SeqCst), names.asked.load(Ordering::SeqCst)), (3, 3));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let inner = serve(answer("HTTP/1.1 200 OK", "secret"));
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Away\r\nlocation: http://127.0.0.1:{}/", inner.address.port());
        assert_eq!(get(&serve(answer(&head, "")), limits()).await, Err(OutboundError::Redirected));
    }
    assert_eq!(inner.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn who_is_only_told_something_counts_by_the_status_alone() {
    let inner = serve(answer("HTTP/1.1 200 OK", "secret"));
    let tell = async |server: &Server| {
        let guard = outbound(true, &Names::new(&[&["127.0.0.1"]]), limits());
        let target = guard.target(&format!("http://vendor.example.org:{}/", server.address.port())).unwrap();
        guard.tell(Request::post(target, b"{}".to_vec())).await.map(|reaction| reaction.status)
    };
    let away = format!("HTTP/1.1 302 Away\r\nlocation: http://127.0.0.1:{}/", inner.address.port());
    assert_eq!(tell(&serve(answer(&away, ""))).await, Ok(302));
    assert_eq!(inner.connections.load(Ordering::SeqCst), 0);
    let endless = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 512]).is_ok() {}
    });
    assert_eq!(tell(&endless).await, Ok(200));
    let half = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 900\r\n\r\nhalf");
        std::thread::sleep(Duration::from_secs(5));
    });
    let begun = Instant::now();
    assert_eq!(tell(&half).await, Ok(503));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let silent = serve(|_| std::thread::sleep(Duration::from_secs(3)));
    assert_eq!(tell(&silent).await, Err(OutboundError::TimedOut));
}

#[tokio::test]
async fn large_endless_slow_and_compressed_answers_are_cut_off() {
    let announced = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
        std::thread::sleep(Duration::from_secs(3));
    });
    assert_eq!(get(&announced, limits()).await, Err(OutboundError::TooLarge(1_000)));
    let endless = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 512]).is_ok() {}
    });
    assert_eq!(get(&endless, limits()).await, Err(OutboundError::TooLarge(1_000)));
    let slow = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let begun = Instant::now();
    assert_eq!(get(&slow, limits()).await, Err(OutboundError::TimedOut));
    let silent = serve(|_| std::thread::sleep(Duration::from_secs(3)));
    assert_eq!(get(&silent, limits()).await, Err(OutboundError::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let bomb = serve(answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip", "xxxx"));
    assert_eq!(get(&bomb, limits()).await, Err(OutboundError::Compressed));
    let huge = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        for _ in 0..2_000 {
            let _ = stream.write_all(format!("x-{}: {}\r\n", "a".repeat(100), "b".repeat(1_000)).as_bytes());
        }
    });
    assert_eq!(get(&huge, limits()).await, Err(OutboundError::Unreachable));
    let garbage = serve(|stream| {
        let _ = stream.write_all(b"\x16\x03\x01 nothing of the kind\r\n\r\n");
    });
    assert_eq!(get(&garbage, limits()).await, Err(OutboundError::Unreachable));
    let broken = serve(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf");
    });
    assert_eq!(get(&broken, limits()).await, Err(OutboundError::Unreachable));
}

#[tokio::test]
async fn a_closed_port_and_a_plain_server_look_the_same_from_outside() {
    let guard = outbound(true, &Names::new(&[&["127.0.0.1"]]), limits());
    let server = serve(answer("HTTP/1.1 200 OK", "plain"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for port in [server.address.port(), closed.port()] {
        let target = guard.target(&format!("https://vendor.example.org:{port}/")).unwrap();
        let error = guard.send(Request::get(target)).await.err().unwrap();
        assert_eq!(error, OutboundError::Unreachable);
        assert!(!error.to_string().contains("127.0.0.1"));
    }
}
