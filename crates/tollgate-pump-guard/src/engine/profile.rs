use super::record::Record;

/// The use case a dispatch belongs to. Nothing learned in one says anything in another.
///
/// Insert one into a request's extensions to say it yourself; else [`Profiles`](crate::Profiles) has the rules, and what
/// no rule is about is `Otp` (verification starts, single messages) or `Campaign` (batches).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A stranger presses a button: every signal holds.
    Otp,
    /// A message to somebody the sender knows: the same signals, with a memory of their own.
    Notification,
    /// The sender's own batch: only the hard rules (country, number shape, the day's cap on money) hold.
    Campaign,
    /// One of your own: [`Profiles::add`](crate::Profiles::add).
    Own(OwnProfile),
}

/// How many profiles there can be, the three built-in ones among them.
pub(crate) const MOST: usize = 16;

/// A profile of your own, by what its name is kept as: the same in every run, whatever other profiles there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnProfile {
    id: u16,
    like: Like,
}

/// Whose rules a profile of one's own has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Like {
    Otp,
    Notification,
    Campaign,
}

impl Profile {
    /// The three that there always are.
    pub const BUILT_IN: [Self; 3] = [Self::Otp, Self::Notification, Self::Campaign];

    /// One's own, by its name.
    pub(crate) fn own(name: &str, like: Self) -> Self {
        // FNV-1a: short, and the same on every machine and in every version.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let first = Self::BUILT_IN.len() as u32;
        let id = u16::try_from(first + hash % (u32::from(u16::MAX) - first)).unwrap_or(u16::MAX);
        Self::Own(OwnProfile { id, like: like.kind() })
    }

    /// Which of the built-in ones it is, or is like.
    #[must_use]
    pub const fn like(self) -> Self {
        match self.kind() {
            Like::Otp => Self::Otp,
            Like::Notification => Self::Notification,
            Like::Campaign => Self::Campaign,
        }
    }

    /// Whether it is the sender's own business how many go where.
    #[must_use]
    pub const fn is_campaign(self) -> bool {
        matches!(self.kind(), Like::Campaign)
    }

    /// The name, of a built-in one.
    pub(crate) const fn built_in_name(self) -> Option<&'static str> {
        match self {
            Self::Otp => Some("otp"),
            Self::Notification => Some("notification"),
            Self::Campaign => Some("campaign"),
            Self::Own(_) => None,
        }
    }

    const fn kind(self) -> Like {
        match self {
            Self::Otp => Like::Otp,
            Self::Notification => Like::Notification,
            Self::Campaign => Like::Campaign,
            Self::Own(own) => own.like,
        }
    }

    /// Under which number its memory is kept.
    pub(crate) const fn id(self) -> u16 {
        match self {
            Self::Otp => 0,
            Self::Notification => 1,
            Self::Campaign => 2,
            Self::Own(own) => own.id,
        }
    }
}

impl Record for Profile {
    fn put(&self, out: &mut Vec<u8>) {
        self.id().put(out);
        (self.kind() as u8).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (id, like) = (u16::take(from)?, usize::from(u8::take(from)?));
        let like = *Self::BUILT_IN.get(like)?;
        match Self::BUILT_IN.get(usize::from(id)) {
            Some(built_in) => Some(*built_in).filter(|profile| *profile == like),
            None => Some(Self::Own(OwnProfile { id, like: like.kind() })),
        }
    }
}
