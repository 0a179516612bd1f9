use std::cell::Cell;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tollgate_core::ClientIp;

/// How many clients are kept.
const PLACES: usize = 128;

/// Of the requests that pass, one in so many is noted.
const EVERY: u16 = 256;

/// After so many notes every count is halved, so that yesterday's talkers make room for today's.
const HALF_LIFE: u32 = 8192;

/// The clients that ask most, by the Space-Saving algorithm (Metwally, Agrawal and El Abbadi, 2005): a table holds no
/// addresses, only fingerprints, so that somebody has to remember whom it is about.
///
/// Who asked is noted for every refusal, for every request of a client that has used more than half of a quota, and for one
/// of [`EVERY`] others, and only when nobody else is noting.
pub(crate) struct Talkers(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    talkers: Vec<(ClientIp, u32)>,
    notes: u32,
}

impl Talkers {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Noted { talkers: Vec::with_capacity(PLACES), notes: 0 }))
    }

    #[cold]
    pub(crate) fn note(&self, client: ClientIp) {
        let Ok(mut noted) = self.0.try_lock() else { return };
        let Noted { talkers, notes } = &mut *noted;
        *notes += 1;
        if *notes >= HALF_LIFE {
            *notes = 0;
            talkers.iter_mut().for_each(|(_, times)| *times /= 2);
        }
        if let Some((_, times)) = talkers.iter_mut().find(|(talker, _)| talker.addr() == client.addr()) {
            *times = times.saturating_add(1);
        } else if talkers.len() < PLACES {
            talkers.push((client, 1));
        } else if let Some(least) = talkers.iter_mut().min_by_key(|(_, times)| *times) {
            *least = (client, least.1.saturating_add(1));
        }
    }

    /// Notes one of [`EVERY`] requests of this thread.
    #[inline]
    pub(crate) fn note_some(&self, client: ClientIp) {
        thread_local! {
            static SINCE: Cell<u16> = const { Cell::new(0) };
        }
        let since = SINCE.get().wrapping_add(1) % EVERY;
        SINCE.set(since);
        if since == 0 {
            self.note(client);
        }
    }

    /// All of them, in no order.
    pub(crate) fn clients(&self) -> Vec<ClientIp> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.talkers.iter().map(|(client, _)| *client).collect()
    }
}

/// Without the addresses.
impl fmt::Debug for Talkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Talkers(..)")
    }
}
