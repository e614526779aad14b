//! The change feed and webhooks: nothing is lost, doubled or reordered, whoever reads, writes, hangs or lies.

mod feed;
mod receiver;
mod webhooks;
