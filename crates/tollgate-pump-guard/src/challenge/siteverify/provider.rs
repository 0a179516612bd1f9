/// Whose widget it is. All three speak the same protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// [Cloudflare Turnstile](https://developers.cloudflare.com/turnstile/get-started/server-side-validation/).
    Turnstile,
    /// [hCaptcha](https://docs.hcaptcha.com/#verify-the-user-response-server-side).
    Hcaptcha,
    /// [Google reCAPTCHA](https://developers.google.com/recaptcha/docs/verify), v2 and v3.
    Recaptcha,
}

impl Provider {
    /// The provider's code: `turnstile`, `hcaptcha`, `recaptcha`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::Hcaptcha => "hcaptcha",
            Self::Recaptcha => "recaptcha",
        }
    }

    /// Where it is asked.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Self::Recaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }

    /// The least score, where a high one speaks for a person: hCaptcha's is a risk.
    pub(super) const fn least_score(self) -> Option<f64> {
        match self {
            Self::Recaptcha => Some(0.5),
            Self::Turnstile | Self::Hcaptcha => None,
        }
    }
}
