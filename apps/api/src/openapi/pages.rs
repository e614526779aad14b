//! The documentation's pages, offline and under a strict content security policy: Swagger UI from the crate
//! that carries it, ReDoc from its npm package where the build found it.

use actix_web::{HttpResponse, web};
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                   font-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'";

const DOCS: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sovereign GRC API</title>\
<link rel=\"stylesheet\" href=\"/api/v1/docs/swagger-ui.css\"></head><body><div id=\"swagger-ui\"></div>\
<script src=\"/api/v1/docs/swagger-ui-bundle.js\"></script><script src=\"/api/v1/docs/start.js\"></script></body></html>";

const START: &str = "window.ui = SwaggerUIBundle({url: '/api/v1/openapi.json', dom_id: '#swagger-ui', deepLinking: true, \
presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout'});";

const REDOC: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sovereign GRC API</title></head>\
<body style=\"margin:0\"><redoc spec-url=\"/api/v1/openapi.json\"></redoc><script src=\"/api/v1/redoc/redoc.standalone.js\"></script></body></html>";

/// ReDoc's bundle; empty where the build had no npm.
static REDOC_BUNDLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/redoc.standalone.js"));

fn page(html: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", CSP))
        .body(html)
}

fn asset(media_type: &'static str, bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok().content_type(media_type).insert_header(("Cache-Control", "public, max-age=86400")).body(bytes)
}

async fn docs() -> HttpResponse {
    page(DOCS)
}

async fn redoc() -> HttpResponse {
    if REDOC_BUNDLE.is_empty() {
        return page(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ReDoc</title><p>This build has no ReDoc: npm was not there when it \
             was built. Build again with npm on the PATH, or see <a href=\"/api/v1/docs\">Swagger UI</a>.</p></html>",
        );
    }
    page(REDOC)
}

async fn redoc_bundle() -> HttpResponse {
    // Without a charset some browsers take the bundle for Latin-1 and cannot parse it.
    asset("text/javascript; charset=utf-8", REDOC_BUNDLE)
}

async fn docs_asset(name: web::Path<String>) -> HttpResponse {
    if name.as_str() == "start.js" {
        return asset("text/javascript; charset=utf-8", START.as_bytes());
    }
    let file = SwaggerUi::static_files().iter().find(|(file, _)| file.file_name() == name.as_str());
    match file {
        Some((SwaggerUiStaticFile::Css | SwaggerUiStaticFile::IndexCss, bytes)) => {
            asset("text/css; charset=utf-8", bytes)
        }
        Some((file, bytes)) if file.file_name().ends_with(".js") => asset("text/javascript; charset=utf-8", bytes),
        Some((_, bytes)) => asset("image/png", bytes),
        None => HttpResponse::NotFound().finish(),
    }
}

/// The pages' routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/docs", web::get().to(docs))
        .route("/api/v1/docs/{name}", web::get().to(docs_asset))
        .route("/api/v1/redoc", web::get().to(redoc))
        .route("/api/v1/redoc/redoc.standalone.js", web::get().to(redoc_bundle));
}
