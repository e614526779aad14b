//! A name server that says what a test wants, and a server that counts its connections.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use grc_outbound::{Limits, Outbound, Policy, Resolve};

/// Answers with each of its replies in turn; the last one for ever.
#[derive(Default)]
pub(crate) struct Names {
    replies: Mutex<VecDeque<Vec<IpAddr>>>,
    pub(crate) asked: AtomicUsize,
}

impl Names {
    pub(crate) fn new(replies: &[&[&str]]) -> Arc<Self> {
        let replies = replies.iter().map(|reply| reply.iter().map(|text| text.parse().unwrap()).collect()).collect();
        Arc::new(Self { replies: Mutex::new(replies), asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut replies = self.replies.lock().unwrap();
        let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        Ok(reply.unwrap_or_default())
    }
}

pub(crate) fn outbound(private: bool, names: &Arc<Names>, limits: Limits) -> Outbound {
    let policy = Policy { private, own_hosts: vec!["grc.example.com".to_owned()] };
    Outbound::new(policy, limits).resolving(Arc::clone(names) as Arc<dyn Resolve>)
}

/// A server that counts connections and answers each with what `reply` writes.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

pub(crate) fn serve(reply: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (count, seen) = (Arc::clone(&connections), Arc::clone(&requests));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            count.fetch_add(1, Ordering::SeqCst);
            let mut head = [0_u8; 8_192];
            let length = stream.read(&mut head).unwrap_or(0);
            seen.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).into_owned());
            reply(&mut stream);
        }
    });
    Server { address, connections, requests }
}

/// A whole answer.
pub(crate) fn answer(head: &str, body: &str) -> impl Fn(&mut std::net::TcpStream) + Send + Sync + use<> {
    let text = format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
    }
}
