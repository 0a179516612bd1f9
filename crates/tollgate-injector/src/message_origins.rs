use std::sync::Arc;

use tollgate_core::Origin;

/// On whose behalf each message of a batch is sent, in the order of the body: for batches that mix end users. Insert it into
/// the request's extensions; there it goes before the request's own origin.
///
/// Each address goes into its own message, and none to the top level. There have to be as many as `messages`.
///
/// ```
/// use tollgate_core::{ClientIp, Origin};
/// use tollgate_injector::MessageOrigins;
///
/// let (anna, ben) = ([9, 9, 9, 9].into(), [8, 8, 4, 4].into());
/// let people = [anna, ben].map(|addr| Origin::Client(ClientIp::asserted(addr)));
/// let request = http::Request::post("https://sms.8x8.com/api/v1/subaccounts/mine/messages/batch")
///     .extension(MessageOrigins::new(people))
///     .body(r#"{"messages":[{"destination":"+6591234567"},{"destination":"+6598765432"}]}"#);
/// # let _ = request;
/// ```
#[derive(Clone, Debug)]
pub struct MessageOrigins(Arc<[Origin]>);

impl MessageOrigins {
    /// One for each message.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(origins.into_iter().collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Origin> + '_ {
        self.0.iter().copied()
    }
}
