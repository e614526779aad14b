//! A real S3 server over a folder, in process: it checks signatures, expiry, signed headers and checksums as a store
//! does. For tests.

use std::{net::SocketAddr, path::Path};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::settings::Settings;

/// The access key of the server.
pub const ACCESS_KEY: &str = "AKIATESTS";
/// Its secret key.
pub const SECRET_KEY: &str = "a secret that only tests know";
/// Its bucket.
pub const BUCKET: &str = "evidence";

/// A running server. It ends when it is dropped; its objects stay.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    /// Serves a folder on an address, port 0 for any, with the bucket in it.
    pub async fn start(folder: &Path, address: SocketAddr) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder.join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(folder).map_err(|error| std::io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            // Connections end with the server: a store that is gone is gone for those who are connected too.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Ok(Self { address, serving })
    }

    /// What a client of it configures.
    pub fn settings(&self) -> Settings {
        Settings {
            endpoint: format!("http://{}", self.address),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        }
    }
}
