use std::fmt;
use std::time::Duration;

use super::{
    Action, ActorsPolicy, AdjacencyPolicy, Attempt, Channel, ClientsPolicy, CodeLengthPolicy,
    ConversionPolicy, CooldownPolicy, CountryPolicy, CountrySurprisePolicy, Entry, GuessesPolicy,
    HoneytokenPolicy, LookupPolicy, Operators, PlacePolicy, PlacesPolicy, Prices, RatePolicy, Reading,
    Reason, ResendPolicy, Signal, SpendPolicy, SurprisePolicy, TimingPolicy, UsersPolicy,
};

/// What the guard does with what it sees: of the whole guard, and of each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Does not look.
    Off,
    /// Decides and records only.
    Monitor,
    /// Decides and acts.
    #[default]
    Enforce,
}

impl Mode {
    /// A signal's reason in this mode.
    pub(super) fn reason(
        self,
        signal: Signal,
        score: u8,
        evidence: String,
        retry_after: Option<Duration>,
    ) -> Option<Reason> {
        (self != Self::Off).then(|| Reason {
            signal,
            score,
            enforced: self == Self::Enforce,
            evidence,
            retry_after,
        })
    }
}

/// How soon the guard acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// Bears 1.6 times what `Balanced` does.
    Cautious,
    /// The default.
    #[default]
    Balanced,
    /// Bears 0.6 times what `Balanced` does.
    Strict,
}

impl Preset {
    pub(super) const fn factor(self) -> f32 {
        match self {
            Self::Cautious => 1.6,
            Self::Balanced => 1.0,
            Self::Strict => 0.6,
        }
    }
}

/// The rules, and what they do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Of the whole guard.
    pub mode: Mode,
    /// Where doubtful messages go instead, the first that is not the one asked for; empty: they are challenged.
    pub shift_to: Vec<Shift>,
    /// What was decided by hand.
    pub entries: Vec<Entry>,
    /// What becomes of a batch of which some recipients may not be sent to.
    pub batch: BatchPolicy,
    /// What becomes of a verification start that asks for a short code.
    pub code_length: CodeLengthPolicy,
    /// Whether a single message or a verification that is blocked for what strangers do is answered as if it had been
    /// sent ([`Decoy`](crate::Decoy)). Where that is wrong, a person waits for a code that never comes.
    pub decoy: bool,
    /// `number_shape`: what a number is.
    pub shape: ShapePolicy,
    /// `number_lookup`: what somebody else knows of it, where a guard has somebody to ask.
    pub lookup: LookupPolicy,
    /// `country_policy`: where it is.
    pub country: CountryPolicy,
    /// `number_cooldown`: how often it is sent to.
    pub cooldown: CooldownPolicy,
    /// `number_actors`: how many ask for it.
    pub actors: ActorsPolicy,
    /// `code_guesses`: how often its codes are guessed wrong.
    pub guesses: GuessesPolicy,
    /// `range_conversion`: strangers of its ranges that do not verify.
    pub conversion: ConversionPolicy,
    /// `range_surprise`: more strangers of its ranges than ever.
    pub surprise: SurprisePolicy,
    /// `adjacency`: numbers that follow one another.
    pub adjacency: AdjacencyPolicy,
    /// `resend_ratio`: messages to strangers of its range for each that verifies.
    pub resends: ResendPolicy,
    /// `time_to_verify`: codes completed by machine.
    pub timing: TimingPolicy,
    /// `new_country`, `country_conversion`, `breaker`: strangers of whole countries that do not verify.
    pub places: PlacesPolicy,
    /// `country_surprise`: more strangers of a country than this hour of the week usually has.
    pub country_surprise: CountrySurprisePolicy,
    /// `operator_share`: strangers of one of `operators` that do not verify, while the rest of its country does.
    pub operator_share: PlacePolicy,
    /// Whose number is whose.
    pub operators: Operators,
    /// `asn`: strangers asked for from one network that do not verify.
    pub asn: PlacePolicy,
    /// `user_budget`: new numbers a session or a user asks for.
    pub users: UsersPolicy,
    /// `ip_budget`, `ip_countries`: strangers a client asks for.
    pub clients: ClientsPolicy,
    /// `honeytoken`: what a trap for machines caught.
    pub honeytoken: HoneytokenPolicy,
    /// What messages cost; without it money is not counted.
    pub prices: Option<Prices>,
    /// `spend_velocity`: what strangers cost that do not verify, and what everything does.
    pub spend: SpendPolicy,
    /// `tenant_rate`: what 8x8 takes within a second, and who goes first.
    pub rate: RatePolicy,
}

/// What becomes of a batch of which some recipients, but not all, may not be sent to. The answer says which and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchPolicy {
    /// Nothing of it is sent.
    #[default]
    Refuse,
    /// It is sent without them.
    SendRest,
}

/// A channel that pays no number range, with what it needs. Never voice: it is the dearer fraud.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shift {
    /// WhatsApp.
    WhatsApp {
        /// 8x8's `whatsapp.templateName`: a template approved for the account.
        template_name: String,
    },
    /// Viber.
    Viber,
}

impl Shift {
    /// Which channel it is.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::WhatsApp { .. } => Channel::WhatsApp,
            Self::Viber => Channel::Viber,
        }
    }
}

/// Whether what a number is (invalid, premium, …) acts, is only noted, or is not looked at. What cannot be read in one
/// way only is stopped in every mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShapePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

impl Policy {
    /// The policy of a preset.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        Self {
            mode: Mode::Enforce,
            shift_to: Vec::new(),
            entries: Vec::new(),
            batch: BatchPolicy::default(),
            code_length: CodeLengthPolicy::default(),
            decoy: false,
            shape: ShapePolicy::default(),
            lookup: LookupPolicy::default(),
            country: CountryPolicy::default(),
            cooldown: CooldownPolicy::default(),
            actors: ActorsPolicy::default(),
            guesses: GuessesPolicy::default(),
            conversion: ConversionPolicy::preset(preset),
            surprise: SurprisePolicy::preset(preset),
            adjacency: AdjacencyPolicy::default(),
            resends: ResendPolicy::default(),
            timing: TimingPolicy::default(),
            places: PlacesPolicy::preset(preset),
            country_surprise: CountrySurprisePolicy::preset(preset),
            operator_share: PlacePolicy::preset(preset, 8.0),
            operators: Operators::default(),
            asn: PlacePolicy::preset(preset, 30.0),
            users: UsersPolicy::preset(preset),
            clients: ClientsPolicy::preset(preset),
            honeytoken: HoneytokenPolicy::default(),
            prices: None,
            spend: SpendPolicy::preset(preset),
            rate: RatePolicy::default(),
        }
    }

    /// Reads a destination, no further than the country lists ask for.
    #[must_use]
    pub fn read(&self, destination: &str, country: Option<&str>) -> Reading {
        Reading::of(destination, country, |country| {
            self.mode == Mode::Enforce && self.country.bars_unread(country)
        })
    }

    /// What becomes of a doubtful attempt.
    pub(super) fn step_up(&self, attempt: &Attempt) -> Action {
        let mut channels = self.shift_to.iter().map(Shift::channel);
        match channels.find(|channel| *channel != attempt.channel) {
            Some(channel) if attempt.can_shift && attempt.channel.pays_the_range() => Action::Shift(channel),
            _ => Action::Challenge,
        }
    }

    /// 8x8's `whatsapp.templateName`, where the channel is WhatsApp.
    pub(crate) fn template_of(&self, channel: Channel) -> Option<&str> {
        self.shift_to.iter().find_map(|to| match to {
            Shift::WhatsApp { template_name } if channel == Channel::WhatsApp => Some(template_name.as_str()),
            _ => None,
        })
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    ///
    /// The field, the value and the remedy.
    pub fn validate(&self) -> Result<(), PolicyError> {
        if self.template_of(Channel::WhatsApp).is_some_and(|template| template.trim().is_empty()) {
            return Err(PolicyError {
                field: "shift.whatsapp.templateName",
                value: "\"\"".to_owned(),
                remedy: "no template: name one that 8x8 approved for your account",
            });
        }
        self.entries.iter().try_for_each(|entry| entry.validate(&self.operators))?;
        self.code_length.validate()?;
        self.cooldown.validate()?;
        self.actors.validate()?;
        self.guesses.validate()?;
        self.conversion.validate()?;
        self.surprise.validate()?;
        self.resends.validate()?;
        self.timing.validate()?;
        self.places.validate()?;
        self.country_surprise.validate()?;
        self.operator_share.validate("operator_share.strangers")?;
        self.asn.validate("asn.strangers")?;
        self.users.validate()?;
        self.clients.validate()?;
        self.prices.iter().try_for_each(Prices::validate)?;
        self.spend.validate(self.prices.is_some())?;
        self.rate.validate()
    }
}

/// [`Preset::Balanced`].
impl Default for Policy {
    fn default() -> Self {
        Self::preset(Preset::default())
    }
}

/// A value of the policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Which, as in the configuration: `number_cooldown.per_day`.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What would be right.
    pub remedy: &'static str,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is {}", self.field, self.value, self.remedy)
    }
}

impl std::error::Error for PolicyError {}
