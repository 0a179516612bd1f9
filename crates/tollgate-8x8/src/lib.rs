//! What Tollgate knows of the 8x8 wire. No other crate knows an 8x8 path or field name.
//!
//! # Which request is it
//!
//! [`Hosts::classify`] looks at the method, the outgoing URI's authority and its path, letter case folded:
//!
//! 1. A host that is not 8x8's (nor named with [`Hosts::with_host`]) is [`Class::Foreign`].
//! 2. A `Host` header that differs from the authority, a method override header, and a path that changes when it is
//!    normalised (percent-encoding, dot segments, double slashes) are refused: two readers could read two things.
//! 3. A *dispatch* (single SMS, batch, verification start, survey message, and their legacy forms) and SMA coverage
//!    are [`Class::Body`]: requests whose body Tollgate reads.
//! 4. Every GET and HEAD, and a list of other calls, are known to send nothing: [`Class::Check`] where a code is
//!    checked, else [`Class::Quiet`].
//! 5. Messaging Apps' host shares paths with SMS and has no `clientIp`: [`Class::MessagingApps`].
//! 6. Everything else on 8x8's hosts is unknown, and refused.
//!
//! # What does its body say
//!
//! [`ReadDispatch`] buffers a body once, [`Scan`] reads it once, strictly (RFC 8259, UTF-8, depth up to 128):
//!
//! 1. The content type is JSON in UTF-8, nothing is encoded, there are no trailers, the size has a limit.
//! 2. Keys are compared with escapes decoded and letter case folded. A key that Tollgate reads given twice, and
//!    `messages` beside `destinations`, are refused.
//! 3. At most 10,000 destinations, counted before any of them is looked at.
//! 4. The result, a [`Dispatch`], is bound to the very bytes it was read from, so that layers stacked on each other
//!    scan once and nothing can slip between them.
//!
//! A layer that reads dispatches is a [`HandleDispatch`] in a [`DispatchFuture`].
//!
//! # What is changed
//!
//! [`Scan::edits`] says where `clientIp` goes and [`apply`] writes it into a copy of exactly the right size. All other
//! bytes stay as they are. [`StartEdit`] does the same for members of a verification start, and [`without`] takes
//! recipients out of a batch.
//!
//! ```
//! use tollgate_8x8::{Endpoint, Placement, Scan, apply};
//!
//! let body = br#"{"messages":[{"destination":"+6591234567","clientIp":"6.6.6.6"}],"ClientIP":1}"#;
//! let scan = Scan::read(Endpoint::SmsBatch, body)?;
//! let out = apply(body, &scan.edits(Placement::Top), "203.0.113.7");
//! assert_eq!(out, r#"{"messages":[{"destination":"+6591234567"}],"clientIp":"203.0.113.7"}"#);
//! # Ok::<(), tollgate_8x8::ScanError>(())
//! ```
//!
//! # What Tollgate asks and tells by itself
//!
//! [`LookupKind::uri`] asks Number Lookup for a number, [`LookupAnswer`] is what it says, and [`FeedbackCall`] tells that an
//! SMS did what it was sent for.
//!
//! [`envelope`] is 8x8's error envelope as a refusal format.

mod answer;
mod classify;
mod dispatch;
mod edit;
mod encoding;
mod endpoint;
mod envelope;
mod feedback;
mod fields;
mod future;
mod headers;
mod hosts;
mod json;
mod key;
mod lookup;
mod mimic;
mod path;
mod prices;
mod read_body;
mod receipt;
mod scan;
mod start;
mod sub_account;
mod without;

pub use answer::{Answer, CodeCheck, Listed, Session, SessionStatus};
pub use classify::Class;
pub use dispatch::{Dispatch, ReadDispatch, replace_body};
pub use edit::{Edit, Placement, apply, apply_each};
pub use encoding::Encoding;
pub use endpoint::Endpoint;
pub use envelope::{code_of, envelope};
pub use feedback::FeedbackCall;
pub use fields::text_fields;
pub use future::{DispatchFuture, Halt, HandleDispatch, took_nothing};
pub use headers::{refuse_encoded, refuse_other_than_json, refuse_signed};
pub use hosts::{HostError, Hosts, Product, Region};
pub use lookup::{Failed, LookupAnswer, LookupKind, LookupOperator, PhoneType, SimFault};
pub use mimic::{SessionMimic, SessionTerms, accepted};
pub use prices::{ListedPrice, PriceList, PriceListError};
pub use read_body::{ReadBody, Unread};
pub use receipt::{Receipt, ReceiptError, ReceiptState};
pub use scan::{Fault, MAX_DESTINATIONS, Place, Recipient, Scan, ScanError};
pub use start::{CODE_LENGTH, DEFAULT_CODE_LENGTH, StartEdit};
pub use sub_account::{SubAccount, SubAccountError};
pub use without::{Removed, without};
