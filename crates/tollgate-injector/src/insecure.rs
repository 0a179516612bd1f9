use tollgate_core::{Refusal, RefusalKind as K};

/// What passes as it came, where it should be refused.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Insecure {
    pub(crate) unknown: bool,
    pub(crate) doubtful: bool,
    pub(crate) unreadable: bool,
    pub(crate) without_client_ip: bool,
}

impl Insecure {
    /// Whether what this refusal is of passes all the same. That is counted.
    pub(crate) fn passes(self, refusal: &Refusal) -> bool {
        let kind = refusal.kind();
        let passes = match kind {
            K::UnknownEndpoint => self.unknown,
            K::HostMismatch | K::MethodOverride | K::DoubtfulPath => self.doubtful,
            K::ContentType
            | K::ContentEncoding
            | K::SignedBody
            | K::Trailers
            | K::InvalidJson
            | K::InvalidShape
            | K::AmbiguousKey
            | K::TooManyDestinations => self.unreadable,
            K::NoClientIp => self.without_client_ip,
            _ => false,
        };
        if passes {
            let kind = kind.as_str();
            metrics::counter!("tollgate_injector_insecure_total", "kind" => kind).increment(1);
            tracing::warn!(kind, "passed as it came: an insecure_ switch is on");
        }
        passes
    }
}
