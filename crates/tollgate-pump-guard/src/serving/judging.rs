use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response};
use tollgate_core::Refusal;

use super::layer::RouteGuardLayer;
use crate::engine::{Action, Attempt, Mode, Verdict};
use crate::honeytoken::Honeytoken;
use crate::known::Known;
use crate::pass::Pass;
use crate::proof::Proof;
use crate::refuse;

/// What goes on with a request that the handler sees.
pub(super) type Judged = (Verdict, Option<Pass>);

/// One request of which it is decided whether the handler sees it.
#[derive(Debug)]
pub(super) struct Judging {
    config: Arc<RouteGuardLayer>,
    client: Option<IpAddr>,
    proof: Proof,
    known: Known,
    /// Once its number was found.
    attempt: Option<Attempt>,
}

impl Judging {
    pub(super) fn new(config: Arc<RouteGuardLayer>, client: Option<IpAddr>, proof: Proof) -> Self {
        Self { config, client, proof, known: Known::default(), attempt: None }
    }

    pub(super) fn config(&self) -> &RouteGuardLayer {
        &self.config
    }

    /// Whether the handler sees it, with this verdict and pass.
    pub(super) fn poll_judge(
        &mut self,
        cx: &mut Context<'_>,
        head: &Parts,
        body: &[u8],
    ) -> Poll<Result<Judged, Response<Bytes>>> {
        if self.attempt.is_none() {
            match self.config.from.number_from(head, body) {
                Ok(asked) => {
                    let country = asked.country.as_deref();
                    let mut attempt = self.config.guard.attempt(&asked.number, country, self.config.profile);
                    attempt.trap = head.extensions.get::<Honeytoken>().is_some();
                    attempt.caller = head.extensions.get().cloned().unwrap_or_default();
                    attempt.asn = head.extensions.get().copied();
                    self.attempt = Some(attempt.from_client(self.client));
                }
                Err(refusal) => return Poll::Ready(Err(self.refuse(refusal, &head.headers))),
            }
        }
        let Some(attempt) = self.attempt.as_mut() else { return Poll::Pending };
        let guard = &self.config.guard;
        attempt.proven = ready!(self.proof.poll(guard, attempt, cx));
        attempt.facts = ready!(self.known.poll(guard, attempt, cx));
        let (mut verdict, pass) = guard.judge_for_pass(attempt);
        if guard.mode() != Mode::Enforce {
            verdict.action = Action::Allow;
        } else if let Some(refusal) = self.refusal(&verdict) {
            let mut response = self.refuse(refusal, &head.headers);
            response.extensions_mut().insert(verdict);
            return Poll::Ready(Err(response));
        }
        if let Some(pass) = pass.as_ref().filter(|_| self.config.outbound) {
            pass.forget_unused();
        }
        Poll::Ready(Ok((verdict, pass)))
    }

    fn refusal(&self, verdict: &Verdict) -> Option<Refusal> {
        let challenge = match verdict.action {
            Action::Allow | Action::Shift(_) if verdict.repeat && !self.config.outbound => {
                return Some(refuse::too_soon_in_public());
            }
            Action::Allow | Action::Shift(_) => return None,
            Action::Challenge => {
                self.attempt.as_ref().and_then(|attempt| self.config.guard.challenge(attempt))
            }
            Action::Block => None,
        };
        Some(refuse::in_public(verdict, challenge, self.proof.rejected()))
    }

    /// Renders a refusal, counted and told.
    pub(super) fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response<Bytes> {
        refuse::tell(&refusal);
        self.config.format.render_bytes(refusal, headers)
    }
}
