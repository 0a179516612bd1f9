use super::{NumberType, Reading, Reason, ShapePolicy, Signal};

impl ShapePolicy {
    pub(super) fn judge(self, reading: &Reading) -> Option<Reason> {
        let (signal, score, evidence) = match reading {
            Reading::Unreadable(why) => (Signal::NumberShape, 100, why.to_string()),
            Reading::Barred(_) => return None,
            Reading::Number(number) => {
                let (score, what) = weigh(number.kind())?;
                (Signal::NumberType, score, format!("{number} is {what}"))
            }
        };
        self.mode.reason(signal, score, evidence, None)
    }
}

/// What receives no codes is stopped; what seldom does is noted.
fn weigh(kind: NumberType) -> Option<(u8, &'static str)> {
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
