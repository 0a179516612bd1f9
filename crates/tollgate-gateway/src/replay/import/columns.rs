use super::{Format, Import};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    At,
    Id,
    Destination,
    ClientIp,
    Country,
    Channel,
    Profile,
    Price,
    Label,
    VerifiedAt,
    Status,
    StatusAt,
}

/// A field, and what its column is called.
pub(crate) type Column = (Field, String);

impl Field {
    const ALL: [(Self, &'static str); 12] = [
        (Self::At, "at"),
        (Self::Id, "id"),
        (Self::Destination, "destination"),
        (Self::ClientIp, "client_ip"),
        (Self::Country, "country"),
        (Self::Channel, "channel"),
        (Self::Profile, "profile"),
        (Self::Price, "price"),
        (Self::Label, "label"),
        (Self::VerifiedAt, "verified_at"),
        (Self::Status, "status"),
        (Self::StatusAt, "status_at"),
    ];

    /// What 8x8's export may call it, letters and digits only: its columns are not documented one by one.
    const fn of_8x8(self) -> &'static [&'static str] {
        match self {
            Self::At => &[
                "timestamp",
                "datetime",
                "date",
                "sentat",
                "sentdate",
                "senttime",
                "sentdatetime",
                "submittedat",
                "submittime",
                "createdat",
                "createdtime",
                "messagedate",
                "messagetimestamp",
            ],
            Self::Id => &["umid", "messageid", "id"],
            Self::Destination => &["msisdn", "phonenumber", "destination", "to", "recipient", "number"],
            Self::ClientIp => &["clientip"],
            Self::Channel => &["channel"],
            Self::Price => &["price", "cost", "totalprice"],
            Self::Status => &["status", "state", "messagestatus", "deliverystatus", "statuserrorcode"],
            Self::StatusAt => &[
                "statustimestamp",
                "statusdatetime",
                "statusdate",
                "statusat",
                "updatedat",
                "deliveredat",
                "deliverytime",
                "deliverydate",
                "dlrtimestamp",
            ],
            // Its numbers are international, and its countries may be names.
            Self::Country | Self::Profile | Self::Label | Self::VerifiedAt => &[],
        }
    }
}

/// `at=Timestamp`
///
/// # Errors
///
/// What would be right.
pub(crate) fn column(text: &str) -> Result<Column, String> {
    let (name, header) = text.split_once('=').ok_or("write FIELD=HEADER, such as at=Timestamp")?;
    let field = Field::ALL.into_iter().find(|(_, known)| *known == name.trim()).map(|(field, _)| field);
    let names = || Field::ALL.map(|(_, name)| name).join(", ");
    let field = field.ok_or_else(|| format!("{name:?} is no field; there are: {}", names()))?;
    Ok((field, header.trim().to_owned()))
}

/// Where in a row each field is.
#[derive(Debug)]
pub(super) struct Columns {
    places: Vec<(Field, usize)>,
    /// Whether it is an export of 8x8's.
    pub(super) of_8x8: bool,
}

impl Columns {
    pub(super) fn find(headers: &[&str], how: &Import) -> Result<Self, String> {
        let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
        let has = |name: &str| folded.iter().position(|header| header == name);
        let of_8x8 = match how.format {
            Some(format) => format == Format::EightByEight,
            None => has("umid").is_some() || (has("mcc").is_some() && has("mnc").is_some()),
        };
        let there = || headers.join(", ");
        let mut places = Vec::new();
        for (field, name) in Field::ALL {
            let asked = how.columns.iter().find(|(asked, _)| *asked == field).map(|(_, header)| header);
            let place = match asked {
                Some(header) => {
                    let exact = headers.iter().position(|one| one == header);
                    let place = exact.or_else(|| has(&fold(header)));
                    Some(
                        place
                            .ok_or_else(|| format!("{name}: no column {header:?}; there are: {}", there()))?,
                    )
                }
                None if of_8x8 => {
                    has(&fold(name)).or_else(|| field.of_8x8().iter().find_map(|header| has(header)))
                }
                None => has(&fold(name)),
            };
            match place {
                Some(place) => places.push((field, place)),
                None if matches!(field, Field::At | Field::Destination) => {
                    return Err(format!(
                        "no column is {name}: name it with --columns {name}=HEADER; there are: {}",
                        there()
                    ));
                }
                None => {}
            }
        }
        if of_8x8 {
            places.retain(|(field, _)| *field != Field::Country);
        }
        Ok(Self { places, of_8x8 })
    }

    /// What a row has in a column; none where that is empty.
    pub(super) fn value<'a>(&self, row: &'a csv::StringRecord, field: Field) -> Option<&'a str> {
        let (_, place) = self.places.iter().find(|(one, _)| *one == field)?;
        row.get(*place).map(str::trim).filter(|value| !value.is_empty())
    }
}

/// Letters and digits, in lower case.
fn fold(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
