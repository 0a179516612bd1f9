//! `[pump_guard]`: whether a message goes to a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate::pump_guard::{self, Country, Money, PlacePolicy, Policy, Shift as Shifted};

use super::{CodeLength, Entry, Memory, Mode, NumberLookup, PartialBatches, Prices, Problems, Profile, Span};

/// `[pump_guard]`; what a signal leaves out is the preset's.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PumpGuard {
    /// Of the whole guard.
    pub mode: Mode,
    /// How soon it acts.
    pub preset: Preset,
    /// How much it remembers.
    pub memory: Memory,
    /// Where not empty: these and no others. ISO 3166-1 alpha-2.
    pub allow_countries: Vec<String>,
    /// Never these.
    pub deny_countries: Vec<String>,
    /// These are noted.
    pub monitor_countries: Vec<String>,
    /// What becomes of a batch of which some recipients may not be sent to.
    pub partial_batches: PartialBatches,
    /// Whether whoever is blocked is answered as if the message had been sent.
    pub decoy: bool,
    /// What was decided by hand.
    pub entry: Vec<Entry>,
    /// Whose numbers are whose.
    pub operator: Vec<Operator>,
    /// Verification starts that ask for a short code.
    pub code_length: CodeLength,
    /// Where doubtful messages go instead.
    pub shift: Shift,
    /// What a number is.
    pub number_shape: Signal,
    /// What 8x8 knows of it.
    pub number_lookup: NumberLookup,
    /// Where it is.
    pub country_policy: Signal,
    /// How often it is sent to.
    pub number_cooldown: Cooldown,
    /// How many ask for it.
    pub number_actors: Actors,
    /// How often its codes are guessed wrong.
    pub code_guesses: Guesses,
    /// Strangers of its ranges that do not verify.
    pub range_conversion: Conversion,
    /// More strangers of its ranges than ever.
    pub range_surprise: Surprise,
    /// Numbers that follow one another.
    pub adjacency: Signal,
    /// Messages to strangers of a range for each that verifies.
    pub resend_ratio: Resends,
    /// Codes completed by machine.
    pub time_to_verify: Timing,
    /// Strangers of countries in which nobody has verified.
    pub new_country: Place,
    /// Strangers of a country that do not verify.
    pub country_conversion: Place,
    /// Strangers everywhere that do not verify.
    pub breaker: Place,
    /// More strangers of a country than this hour of the week usually has.
    pub country_surprise: Surprise,
    /// Strangers of an operator that do not verify, while the rest of its country does.
    pub operator_share: Place,
    /// Strangers asked for from one network that do not verify.
    pub asn: Place,
    /// New numbers a session or a user asks for that do not verify.
    pub user_budget: Place,
    /// Strangers a client asks for that do not verify.
    pub ip_budget: IpBudget,
    /// Countries a client asks for.
    pub ip_countries: IpCountries,
    /// What the app's trap for machines caught.
    pub honeytoken: Signal,
    /// What strangers cost that do not verify, and what everything does.
    pub spend_velocity: Spend,
    /// What messages cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// What 8x8 takes within a second.
    pub tenant_rate: TenantRate,
    /// Use cases that are judged by themselves, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, Profile>,
}

/// `[[pump_guard.operator]]`: an operator and its numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// What it is called in evidence and entries.
    pub name: String,
    /// How its numbers begin, such as `+62811`; the longest that fits wins.
    pub prefixes: Vec<String>,
}

/// How soon the guard acts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Later than by default.
    Cautious,
    /// The default.
    #[default]
    Balanced,
    /// Sooner.
    Strict,
}

/// `[pump_guard.shift]`: channels that pay no number range, with what they need.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shift {
    /// WhatsApp, where it has a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<WhatsApp>,
    /// Viber.
    pub viber: bool,
}

/// `[pump_guard.shift.whatsapp]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WhatsApp {
    /// 8x8's `whatsapp.templateName`.
    #[serde(rename = "templateName", alias = "template_name")]
    pub template_name: String,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Whether it acts.
            pub mode: Mode,
            $(
                $(#[$field_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    )*};
}

tables! {
    /// A signal with nothing but its mode.
    Signal {}
    /// `[pump_guard.number_cooldown]`
    Cooldown {
        /// The wait before the first message, the second, ….
        steps: Vec<Span>,
        /// At most so many within 24 hours to a number that was verified, 1 to 10.
        per_day: u8,
        /// At most so many within 24 hours to one that never was, 1 to 10.
        unverified_per_day: u8,
    }
    /// `[pump_guard.number_actors]`
    Actors {
        /// From so many clients on, 2 to 5.
        clients: u8,
    }
    /// `[pump_guard.code_guesses]`
    Guesses {
        /// Wrong codes within 24 hours, 1 to 200.
        per_day: u8,
        /// Wrong codes in a row, 1 to 200.
        in_a_row: u8,
        /// Wrong codes of one client within about a day.
        per_client: f32,
        /// Wrong codes of everybody within about an hour.
        per_hour: f32,
    }
    /// `[pump_guard.range_conversion]`
    Conversion {
        /// Strangers of a 1k range.
        per_1k: f32,
        /// Strangers of a 10k range.
        per_10k: f32,
        /// Strangers of a 100k range.
        per_100k: f32,
        /// Strangers of a 1M range.
        per_1m: f32,
        /// Strangers of a 10M range.
        per_10m: f32,
    }
    /// `[pump_guard.range_surprise]`, `[pump_guard.country_surprise]`
    Surprise {
        /// So many nats.
        nats: f32,
    }
    /// `[pump_guard.resend_ratio]`
    Resends {
        /// Messages for each verified number, 1 to 100.
        ratio: f32,
        /// So many messages tell something, 5 to 10,000.
        messages: f32,
    }
    /// `[pump_guard.time_to_verify]`
    Timing {
        /// So many standard errors below the sender's mean, 3 to 10.
        errors: f32,
    }
    /// `[pump_guard.new_country]`, `[pump_guard.country_conversion]`, `[pump_guard.breaker]`, `[pump_guard.operator_share]`,
    /// `[pump_guard.asn]`, `[pump_guard.user_budget]`
    Place {
        /// So many strangers to begin with.
        strangers: f32,
    }
    /// `[pump_guard.ip_budget]`
    IpBudget {
        /// Strangers of one address or /64.
        strangers: f32,
        /// Strangers of one /24 or /48.
        prefix_strangers: f32,
    }
    /// `[pump_guard.ip_countries]`
    IpCountries {
        /// More than so many within a day, 1 to 4.
        countries: u8,
    }
    /// `[pump_guard.spend_velocity]`
    Spend {
        /// Within an hour, for strangers of one range.
        per_range: f64,
        /// Within an hour, for strangers of one country.
        per_country: f64,
        /// Within 24 hours, for everything; 0: no cap.
        per_day: f64,
    }
    /// `[pump_guard.tenant_rate]`
    TenantRate {
        /// Requests within a second, 1 to 1000000.
        per_second: u32,
    }
}

impl PumpGuard {
    /// The policy it means.
    pub(crate) fn policy(&self, problems: &mut Problems) -> Policy {
        let mut policy = Policy::preset(match self.preset {
            Preset::Cautious => pump_guard::Preset::Cautious,
            Preset::Balanced => pump_guard::Preset::Balanced,
            Preset::Strict => pump_guard::Preset::Strict,
        });
        policy.batch = self.partial_batches.into();
        policy.decoy = self.decoy;
        policy.code_length = self.code_length.policy(problems);
        self.modes(&mut policy);
        self.values(&mut policy);
        self.money(&mut policy, problems);
        for (name, codes, set) in [
            ("allow_countries", &self.allow_countries, &mut policy.country.allow),
            ("deny_countries", &self.deny_countries, &mut policy.country.deny),
            ("monitor_countries", &self.monitor_countries, &mut policy.country.monitor),
        ] {
            for (i, code) in codes.iter().enumerate() {
                set.extend(problems.take(format!("pump_guard.{name}[{i}]"), code.parse::<Country>()));
            }
        }
        for (i, operator) in self.operator.iter().enumerate() {
            if let Err(error) = policy.operators.add(&operator.name, &operator.prefixes) {
                let field = error.field.trim_start_matches("operator.");
                problems.add(
                    format!("pump_guard.operator[{i}].{field}"),
                    format!("{} is {}", error.value, error.remedy),
                );
            }
        }
        for (i, entry) in self.entry.iter().enumerate() {
            policy.entries.extend(entry.decided(&format!("pump_guard.entry[{i}]"), problems));
        }
        if let Some(whatsapp) = &self.shift.whatsapp {
            policy.shift_to.push(Shifted::WhatsApp { template_name: whatsapp.template_name.clone() });
        }
        if self.shift.viber {
            policy.shift_to.push(Shifted::Viber);
        }
        if let Err(error) = policy.validate() {
            let field = format!("pump_guard.{}", error.field);
            problems.add(field, format!("{} is {}", error.value, error.remedy));
        }
        policy
    }

    fn modes(&self, policy: &mut Policy) {
        policy.mode = self.mode.into();
        policy.shape.mode = self.number_shape.mode.into();
        policy.lookup.mode = self.number_lookup.mode.into();
        policy.country.mode = self.country_policy.mode.into();
        policy.cooldown.mode = self.number_cooldown.mode.into();
        policy.actors.mode = self.number_actors.mode.into();
        policy.guesses.mode = self.code_guesses.mode.into();
        policy.conversion.mode = self.range_conversion.mode.into();
        policy.surprise.mode = self.range_surprise.mode.into();
        policy.adjacency.mode = self.adjacency.mode.into();
        policy.resends.mode = self.resend_ratio.mode.into();
        policy.timing.mode = self.time_to_verify.mode.into();
        policy.places.new_country.mode = self.new_country.mode.into();
        policy.places.country.mode = self.country_conversion.mode.into();
        policy.places.breaker.mode = self.breaker.mode.into();
        policy.country_surprise.mode = self.country_surprise.mode.into();
        policy.operator_share.mode = self.operator_share.mode.into();
        policy.asn.mode = self.asn.mode.into();
        policy.users.mode = self.user_budget.mode.into();
        policy.clients.mode = self.ip_budget.mode.into();
        policy.clients.countries_mode = self.ip_countries.mode.into();
        policy.honeytoken.mode = self.honeytoken.mode.into();
        policy.spend.mode = self.spend_velocity.mode.into();
        policy.rate.mode = self.tenant_rate.mode.into();
    }

    fn values(&self, policy: &mut Policy) {
        if let Some(steps) = &self.number_cooldown.steps {
            policy.cooldown.steps = steps.iter().map(|step| step.0).collect();
        }
        set(&mut policy.cooldown.per_day, self.number_cooldown.per_day);
        set(&mut policy.cooldown.unverified_per_day, self.number_cooldown.unverified_per_day);
        set(&mut policy.actors.clients, self.number_actors.clients);
        set(&mut policy.guesses.per_day, self.code_guesses.per_day);
        set(&mut policy.guesses.in_a_row, self.code_guesses.in_a_row);
        set(&mut policy.guesses.per_client, self.code_guesses.per_client);
        set(&mut policy.guesses.per_hour, self.code_guesses.per_hour);
        set(&mut policy.conversion.per_1k, self.range_conversion.per_1k);
        set(&mut policy.conversion.per_10k, self.range_conversion.per_10k);
        set(&mut policy.conversion.per_100k, self.range_conversion.per_100k);
        set(&mut policy.conversion.per_1m, self.range_conversion.per_1m);
        set(&mut policy.conversion.per_10m, self.range_conversion.per_10m);
        set(&mut policy.surprise.nats, self.range_surprise.nats);
        set(&mut policy.resends.ratio, self.resend_ratio.ratio);
        set(&mut policy.resends.messages, self.resend_ratio.messages);
        set(&mut policy.timing.errors, self.time_to_verify.errors);
        set(&mut policy.places.new_country.strangers, self.new_country.strangers);
        set(&mut policy.places.country.strangers, self.country_conversion.strangers);
        set(&mut policy.places.breaker.strangers, self.breaker.strangers);
        set(&mut policy.country_surprise.nats, self.country_surprise.nats);
        set(&mut policy.operator_share.strangers, self.operator_share.strangers);
        set(&mut policy.asn.strangers, self.asn.strangers);
        set(&mut policy.users.strangers, self.user_budget.strangers);
        set(&mut policy.clients.strangers, self.ip_budget.strangers);
        set(&mut policy.clients.prefix_strangers, self.ip_budget.prefix_strangers);
        set(&mut policy.clients.countries, self.ip_countries.countries);
        set(&mut policy.rate.per_second, self.tenant_rate.per_second);
    }

    fn money(&self, policy: &mut Policy, problems: &mut Problems) {
        policy.prices = self.prices.as_ref().map(|prices| prices.known("pump_guard.prices", problems));
        let spend = &mut policy.spend;
        for (name, given, limit, range) in [
            ("per_range", self.spend_velocity.per_range, &mut spend.per_range, "0.01 to 1000000"),
            ("per_country", self.spend_velocity.per_country, &mut spend.per_country, "0.01 to 1000000"),
            ("per_day", self.spend_velocity.per_day, &mut spend.per_day, "0 to 1000000000"),
        ] {
            let Some(amount) = given else { continue };
            match Money::of(amount) {
                Some(money) => *limit = money,
                None => problems.add(
                    format!("pump_guard.spend_velocity.{name}"),
                    format!("{amount} is not within {range}"),
                ),
            }
        }
    }

    /// The same with what the preset stands for written out.
    pub(crate) fn filled(mut self, policy: &Policy) -> Self {
        let cooldown = &policy.cooldown;
        self.number_cooldown.steps = Some(cooldown.steps.iter().map(|step| Span(*step)).collect());
        self.number_cooldown.per_day = Some(cooldown.per_day);
        self.number_cooldown.unverified_per_day = Some(cooldown.unverified_per_day);
        self.number_actors.clients = Some(policy.actors.clients);
        self.code_guesses.per_day = Some(policy.guesses.per_day);
        self.code_guesses.in_a_row = Some(policy.guesses.in_a_row);
        self.code_guesses.per_client = Some(policy.guesses.per_client);
        self.code_guesses.per_hour = Some(policy.guesses.per_hour);
        self.range_conversion.per_1k = Some(policy.conversion.per_1k);
        self.range_conversion.per_10k = Some(policy.conversion.per_10k);
        self.range_conversion.per_100k = Some(policy.conversion.per_100k);
        self.range_conversion.per_1m = Some(policy.conversion.per_1m);
        self.range_conversion.per_10m = Some(policy.conversion.per_10m);
        self.range_surprise.nats = Some(policy.surprise.nats);
        self.resend_ratio.ratio = Some(policy.resends.ratio);
        self.resend_ratio.messages = Some(policy.resends.messages);
        self.time_to_verify.errors = Some(policy.timing.errors);
        let place = |table: &mut Place, policy: &PlacePolicy| table.strangers = Some(policy.strangers);
        place(&mut self.new_country, &policy.places.new_country);
        place(&mut self.country_conversion, &policy.places.country);
        place(&mut self.breaker, &policy.places.breaker);
        self.country_surprise.nats = Some(policy.country_surprise.nats);
        place(&mut self.operator_share, &policy.operator_share);
        place(&mut self.asn, &policy.asn);
        self.user_budget.strangers = Some(policy.users.strangers);
        self.ip_budget.strangers = Some(policy.clients.strangers);
        self.ip_budget.prefix_strangers = Some(policy.clients.prefix_strangers);
        self.ip_countries.countries = Some(policy.clients.countries);
        self.spend_velocity.per_range = Some(policy.spend.per_range.amount());
        self.spend_velocity.per_country = Some(policy.spend.per_country.amount());
        self.spend_velocity.per_day = Some(policy.spend.per_day.amount());
        self.tenant_rate.per_second = Some(policy.rate.per_second);
        self
    }
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}
