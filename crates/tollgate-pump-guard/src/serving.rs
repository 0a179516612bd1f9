//! The guard on the app's own route.

mod extract;
mod future;
mod judging;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use extract::{Asked, FormField, JsonField, NumberFrom};
pub use future::ResponseFuture;
pub use layer::RouteGuardLayer;
pub use service::RouteGuard;
