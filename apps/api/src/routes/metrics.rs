//! Prometheus metrics, on a listener of their own.

use std::net::SocketAddr;

use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use grc_limits::RedisState;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::serve::App;

/// Sets up the recorder of this process; it can be done once.
pub fn install() -> Result<PrometheusHandle, String> {
    let buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("grc_http_request_seconds".to_owned()), &buckets)
        .map_err(|error| error.to_string())?
        .install_recorder()
        .map_err(|error| error.to_string())
}

async fn text(handle: web::Data<PrometheusHandle>, app: web::Data<App>) -> HttpResponse {
    let (connections, idle) = app.backend.connections();
    for (name, value) in [("grc_database_connections", connections), ("grc_database_connections_idle", idle)] {
        metrics::gauge!(name).set(u32::try_from(value).map_or(0.0, f64::from));
    }
    match app.limits.redis() {
        RedisState::None => {}
        RedisState::Up => metrics::gauge!("grc_redis_up").set(1.0),
        RedisState::Down(_) => metrics::gauge!("grc_redis_up").set(0.0),
    }
    if let Some(verifier) = &app.door.verifier {
        let known = u32::try_from(verifier.status().keys).map_or(0.0, f64::from);
        metrics::gauge!("grc_access_keys").set(known);
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}

/// Serves the metrics.
pub async fn listen(address: SocketAddr, handle: PrometheusHandle, app: web::Data<App>) -> std::io::Result<()> {
    let handle = web::Data::new(handle);
    let server = HttpServer::new(move || {
        ActixApp::new().app_data(handle.clone()).app_data(app.clone()).route("/metrics", web::get().to(text))
    });
    let server = server.workers(1).disable_signals().bind(address)?.run();
    tokio::spawn(server);
    Ok(())
}
