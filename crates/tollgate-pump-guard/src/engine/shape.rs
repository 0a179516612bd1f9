use super::{Mode, NumberType, Reading, Reason, ShapePolicy, Signal, Unreadable};

impl ShapePolicy {
    pub(super) fn judge(self, reading: &Reading) -> Option<Reason> {
        match reading {
            // Two readers could read two numbers in it, past every other rule: no mode lets that through.
            Reading::Unreadable(why) if *why != Unreadable::Invalid => {
                Mode::Enforce.reason(Signal::NumberShape, 100, why.to_string(), None)
            }
            Reading::Unreadable(why) => self.mode.reason(Signal::NumberShape, 100, why.to_string(), None),
            Reading::Barred(_) => None,
            Reading::Number(number) => {
                let (score, what) = weigh(number.kind())?;
                self.mode.reason(Signal::NumberType, score, format!("{number} is {what}"), None)
            }
        }
    }
}

/// What receives no codes is stopped; what seldom does is noted.
pub(super) fn weigh(kind: NumberType) -> Option<(u8, &'static str)> {
    Some(match kind {
        NumberType::Mobile => return None,
        NumberType::Unknown => (30, "of no type its numbering plan tells"),
        NumberType::FixedLine => (30, "a landline"),
        NumberType::Voip => (30, "voice over IP"),
        NumberType::Personal => (30, "a personal number"),
        NumberType::TollFree => (100, "toll-free"),
        NumberType::Premium => (100, "premium-rate"),
        NumberType::SharedCost => (100, "shared-cost"),
        NumberType::UniversalAccess => (100, "a universal access number"),
        NumberType::Pager => (100, "a pager"),
        NumberType::Voicemail => (100, "a voicemail access number"),
        NumberType::NonGeographic => (100, "satellite or another network without a country"),
    })
}
