use std::sync::Arc;

use redis::Value;
use tollgate_rate_limit::store::{Count, Debt, Tick};

use super::pending::Change;
use super::question::{End, PROBED};
use super::store::Inner;
use crate::{Asking, Call, Fault, Script};

static ADJUST: Script = Script::new(include_str!("adjust.lua"));

/// One of a count's changes, to be told the server before anything else about this count.
pub(crate) struct Adjustment {
    pub(crate) count: Count,
    call: Call,
}

impl Adjustment {
    pub(crate) fn of(change: &Change, name: &str, inner: &Inner, sent: Tick) -> Self {
        let mut call = Call::with_capacity(1, 7);
        let known = if change.forget { 0 } else { inner.certain(change.base.ahead_of(sent)) };
        // Never more than an eighth of a request.
        let way =
            Debt::new(inner.connection.deadline()).ticks().min(change.count.gcra().interval_ticks() / 8);
        call.key(name).number(change.forget.into()).number(change.add).number(change.most);
        call.number(change.give_back).number(known).write(format_args!("{}", End(&change.count))).number(way);
        Self { count: change.count, call }
    }

    pub(crate) fn call(&self) -> (&'static Script, &Call) {
        (&ADJUST, &self.call)
    }

    /// What is owed then.
    pub(crate) fn read(answer: &Value) -> Result<Debt, Fault> {
        match answer {
            Value::Int(debt) => u64::try_from(*debt).map(Debt::of_ticks).map_err(|_| Fault::Garbage),
            _ => Err(Fault::Garbage),
        }
    }

    /// An adjustment of nothing, and its script.
    pub(crate) fn probe() -> (&'static Script, Call) {
        let mut call = Call::with_capacity(1, 7);
        call.key(PROBED)
            .number(0)
            .number(1)
            .number(1_000_000)
            .number(0)
            .number(0)
            .arg("-1:1000000")
            .number(0);
        (&ADJUST, call)
    }
}

/// Tells the server of what is to become of a count, unless a request has taken that along meanwhile.
pub(crate) async fn change(inner: Arc<Inner>, count: Count) {
    let sent = inner.now();
    let names = inner.names.of(std::iter::once(&count));
    // Taken at the last moment: a request that comes now and finds nothing must reach the server later than this.
    let Some(change) = inner.pending.take(&count, inner.nodes, sent) else { return };
    let Some(name) = names.first() else { return };
    let adjustment = Adjustment::of(&change, name, &inner, sent);
    let tell = |asking: Asking| async move {
        let (script, call) = adjustment.call();
        Adjustment::read(&asking.call(script, call).await?)
    };
    let mut is_late = false;
    match inner.connection.run_on(tell, || is_late = true).await {
        Ok(debt) => inner.merged(&change.count, debt, sent, is_late),
        Err(fault) => inner.pending.put_back(change, fault.is_doubtful()),
    }
}
