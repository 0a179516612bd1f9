use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::{ApiError, INVALID_MSISDN, code};
use crate::number::{international, is_msisdn, is_rejected};
use crate::time::{Now, later};
use crate::validate::Fields;
use tollgate_8x8::Encoding;

const MAX_SOURCE: usize = 16;

/// How far ahead 8x8 schedules.
const MAX_AHEAD: Duration = Duration::from_secs(7 * 24 * 3600);

const ENCODINGS: &[&str] = &["AUTO", "GSM7", "UCS2"];

/// What tells SMS and surveys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sms,
    Survey,
}

impl Kind {
    pub(crate) const fn text_field(self) -> &'static str {
        match self {
            Self::Sms => "text",
            Self::Survey => "templateBody",
        }
    }

    const fn country_length(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Sms => 0..=2,
            Self::Survey => 2..=2,
        }
    }
}

/// What a message and a batch's template have in common; the message's own wins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Common<'a> {
    source: Option<&'a str>,
    text: Option<&'a str>,
    encoding: Option<&'static str>,
    scheduled: Option<Timestamp>,
    expiry: Option<Timestamp>,
}

impl<'a> Common<'a> {
    fn read(fields: &Fields<'a>, kind: Kind, now: Now) -> Result<Self, ApiError> {
        let scheduled = fields.time("scheduled", code::SCHEDULE)?;
        if scheduled.is_some_and(|at| at > later(now.wall, MAX_AHEAD)) {
            return Err(fields.fault("scheduled", code::SCHEDULE, "is more than 7 days ahead"));
        }
        fields.url("dlrCallbackUrl")?;
        Ok(Self {
            source: fields.text("source", code::SOURCE)?,
            text: fields.text(kind.text_field(), code::TEXT)?,
            encoding: fields.choice("encoding", ENCODINGS, code::ENCODING)?,
            scheduled,
            expiry: fields.time("expiry", code::EXPIRY)?,
        })
    }

    pub(crate) fn read_template(fields: &Fields<'a>, kind: Kind, now: Now) -> Result<Self, ApiError> {
        fields.text_of("source", 0..=MAX_SOURCE, code::SOURCE)?;
        let template = Self::read(fields, kind, now)?;
        if kind == Kind::Survey && template.text.is_none() {
            return Err(fields.fault(kind.text_field(), code::TEMPLATE, "is missing"));
        }
        Ok(template)
    }

    fn or(self, template: Self) -> Self {
        Self {
            source: self.source.or(template.source),
            text: self.text.or(template.text),
            encoding: self.encoding.or(template.encoding),
            scheduled: self.scheduled.or(template.scheduled),
            expiry: self.expiry.or(template.expiry),
        }
    }
}

/// Why a message is rejected where others of the same request are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Msisdn,
    NoText,
    SourceTooLong,
    Expired,
    /// The number asked for it.
    Asked,
}

impl Fault {
    /// 8x8's words for it.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Msisdn => INVALID_MSISDN,
            Self::NoText => "Text value is missing",
            Self::SourceTooLong => "Invalid Source value. Reached max allowed limit",
            Self::Expired => "Expiry time already reached",
            Self::Asked => "Internal server error",
        }
    }

    /// What a single send answers to it, if not 200 with the status `REJECTED`.
    pub(crate) fn single(self) -> Option<ApiError> {
        match self {
            Self::Msisdn => Some(ApiError::msisdn()),
            Self::NoText => Some(ApiError::bad(code::TEXT, self.description())),
            Self::SourceTooLong => Some(ApiError::bad(code::SOURCE, self.description())),
            Self::Expired | Self::Asked => None,
        }
    }
}

/// One message, read; with a fault, it is rejected.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) fault: Option<Fault>,
    pub(crate) destination: String,
    pub(crate) country: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) client_message_id: Option<String>,
    pub(crate) encoding: Encoding,
    pub(crate) parts: usize,
    pub(crate) scheduled: Option<Timestamp>,
    pub(crate) client_ip: Option<IpAddr>,
}

impl Message {
    /// `batch_ip` counts where the message has no `clientIp` of its own.
    pub(crate) fn read(
        fields: &Fields<'_>,
        kind: Kind,
        template: Common<'_>,
        batch_ip: Option<IpAddr>,
        now: Now,
    ) -> Result<Self, ApiError> {
        let Some(destination) = fields.text("destination", code::MSISDN)? else {
            return Err(fields.fault("destination", code::MSISDN, "is missing"));
        };
        let country = fields.text_of("country", kind.country_length(), code::COUNTRY)?;
        let client_message_id = fields.text_of("clientMessageId", 0..=350, code::ID)?;
        let mut client_ip = None;
        if kind == Kind::Sms {
            fields.choice("track", &["None", "Outcome"], code::PARAMETER)?;
            client_ip = fields.ip()?;
        } else {
            fields.object("templateVariables", code::TEMPLATE)?;
        }
        let common = Common::read(fields, kind, now)?.or(template);
        let mut message = Self::to(destination, country, kind, common, client_ip.or(batch_ip), now);
        message.client_message_id = client_message_id.map(str::to_owned);
        Ok(message)
    }

    /// A message of what the template says alone.
    pub(crate) fn to(
        destination: &str,
        country: Option<&str>,
        kind: Kind,
        common: Common<'_>,
        client_ip: Option<IpAddr>,
        now: Now,
    ) -> Self {
        let text = common.text.unwrap_or_default();
        let encoding = Encoding::of(text, common.encoding);
        let number = is_msisdn(destination).then(|| international(destination, country)).flatten();
        let fault = match &number {
            None => Some(Fault::Msisdn),
            Some(_) if text.is_empty() && kind == Kind::Sms => Some(Fault::NoText),
            Some(_) if common.source.is_some_and(|source| source.chars().count() > MAX_SOURCE) => {
                Some(Fault::SourceTooLong)
            }
            Some(_) if common.expiry.is_some_and(|at| at <= now.wall) => Some(Fault::Expired),
            Some(digits) if is_rejected(digits) => Some(Fault::Asked),
            Some(_) => None,
        };
        Self {
            fault,
            destination: number.unwrap_or_else(|| destination.to_owned()),
            country: country.map(str::to_owned),
            source: common.source.map(str::to_owned),
            client_message_id: None,
            encoding,
            parts: encoding.parts(text),
            scheduled: common.scheduled,
            client_ip,
        }
    }
}
