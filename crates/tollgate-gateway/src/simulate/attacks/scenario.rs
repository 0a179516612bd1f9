use std::fmt;
use std::str::FromStr;

/// What happens to the people of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scenario {
    /// Nothing.
    None,
    /// One address, one 10k range, a message a second for an hour.
    SingleIp,
    /// Thousands of residential proxies, one 10k range, 20 messages a minute for 4 hours.
    Residential,
    /// The same to a 1k range.
    Single1k,
    /// The same to a 100k range.
    Single100k,
    /// One number after the other, from thousands of proxies, 10 a minute for 2 hours around the busiest hour.
    Sequential,
    /// 600 messages in 5 minutes to one 10k range.
    Burst,
    /// 40 ranges in 15 countries, a message to each every 10 to 20 minutes for 2 days.
    LowAndSlow,
    /// Any numbers of a country where the tenant has hardly anybody, 30 a minute for 3 hours.
    WholeCountry,
    /// The same in a home market.
    HomeCountry,
    /// A 10k range of which 80 % of the codes are entered, within 3 to 6 seconds; 10 a minute for 4 hours.
    FakeConversion,
    /// The same, and the codes are entered as people do.
    FakeConversionHuman,
    /// One victim's number, 10 a minute for an hour, from thousands of proxies.
    Bombing,
    /// The same from one address.
    BombingSingleIp,
    /// One address that claims to be many: numbers of a 100k range, 20 a minute for 2 hours. What is logged is the address
    /// itself.
    SpoofedXff,
    /// 20 victims' numbers for 6 hours, from proxies: a code is sent, five are guessed, and again.
    CodeBruteForce,
    /// One 100k range, from one message an hour, twice as many every 6 hours, for 2 days.
    SlowRamp,
    /// No fraud: ten times as many people in the first home market for a day.
    LaunchDay,
    /// [`Self::Residential`] 30 minutes after the very first message.
    Fresh,
}

impl Scenario {
    /// All of them, in the order in which they are told.
    pub(crate) const fn all() -> &'static [Self] {
        &[
            Self::None,
            Self::SingleIp,
            Self::Residential,
            Self::Single1k,
            Self::Single100k,
            Self::Sequential,
            Self::Burst,
            Self::LowAndSlow,
            Self::WholeCountry,
            Self::HomeCountry,
            Self::FakeConversion,
            Self::FakeConversionHuman,
            Self::Bombing,
            Self::BombingSingleIp,
            Self::SpoofedXff,
            Self::CodeBruteForce,
            Self::SlowRamp,
            Self::LaunchDay,
            Self::Fresh,
        ]
    }

    /// Its name on the command line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SingleIp => "single-ip",
            Self::Residential => "residential",
            Self::Single1k => "single-1k",
            Self::Single100k => "single-100k",
            Self::Sequential => "sequential",
            Self::Burst => "burst",
            Self::LowAndSlow => "low-and-slow",
            Self::WholeCountry => "whole-country",
            Self::HomeCountry => "home-country",
            Self::FakeConversion => "fake-conversion",
            Self::FakeConversionHuman => "fake-conversion-human",
            Self::Bombing => "bombing",
            Self::BombingSingleIp => "bombing-single-ip",
            Self::SpoofedXff => "spoofed-xff",
            Self::CodeBruteForce => "code-brute-force",
            Self::SlowRamp => "slow-ramp",
            Self::LaunchDay => "launch-day",
            Self::Fresh => "fresh",
        }
    }

    /// Whether somebody attacks.
    #[cfg(test)]
    pub(crate) const fn is_attack(self) -> bool {
        !matches!(self, Self::None | Self::LaunchDay)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::all().iter().find(|scenario| scenario.as_str() == name);
        known.copied().ok_or_else(|| UnknownScenario { name: name.chars().take(40).collect() })
    }
}

/// No scenario has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownScenario {
    name: String,
}

impl fmt::Display for UnknownScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no scenario: write one of", self.name)?;
        for (index, scenario) in Scenario::all().iter().enumerate() {
            write!(f, "{} {scenario}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownScenario {}
