//! Bodies as 8x8's clients send them.

use std::fmt::Write as _;

use tollgate_8x8::Endpoint;

/// What is written.
pub(crate) const ADDRESS: &str = "203.0.113.7";

/// Texts of such lengths as are sent; every twenty-fifth needs escapes or is not ASCII.
const TEXTS: [&str; 6] = [
    "Your Acme code is 482913. It expires in 5 minutes.",
    "482913 is your login code.",
    "Acme: a sign-in from a new device was blocked. Not you? Nothing to do.",
    "Hi Maria, your parcel arrives tomorrow between 9 and 12.",
    "Use 482913 to verify your phone number. Never share this code.",
    "Reminder: your appointment is on Monday at 10:30.",
];
const OTHERS: [&str; 3] = [
    r#"Your \"Acme\" code is 482913\nIt expires in 5 minutes."#,
    "Votre code Acme est 482913. Il expire à la fin de l’heure.",
    r"\u0e23\u0e2b\u0e31\u0e2a 482913",
];

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn cases() -> [Case; 4] {
    let batch =
        |name, messages| Case { name, endpoint: Endpoint::SmsBatch, body: batch(messages).into_bytes() };
    let start = r#"{"destination":"+6591234567","country":"SG","brand":"Acme","codeLength":6,"codeValidity":300,"codeType":"NUMERIC","language":"en-US","template":"Your {brand} code is {code}.","resendingInterval":30}"#;
    [
        Case { name: "verification", endpoint: Endpoint::VerifyStart, body: start.into() },
        batch("1 message", 1),
        batch("100 messages", 100),
        batch("10,000 messages", 10_000),
    ]
}

fn batch(messages: usize) -> String {
    let mut body = String::from(r#"{"messages":["#);
    for index in 0..messages {
        let text =
            if index % 25 == 24 { OTHERS[index / 25 % OTHERS.len()] } else { TEXTS[index % TEXTS.len()] };
        let comma = if index == 0 { "" } else { "," };
        let number = 91_000_000 + index * 37;
        write!(
            body,
            r#"{comma}{{"destination":"+65{number}","text":"{text}","clientMessageId":"order-{index:08}","country":"SG"}}"#
        )
        .unwrap();
    }
    body.push_str(
        r#"],"source":"ACME","encoding":"AUTO","scheduled":"2026-12-01T09:00:00Z","expiry":"2026-12-01T10:00:00Z","dlrCallbackUrl":"https://api.acme.example/dlr","clientBatchId":"batch-0001","track":null,"priority":1}"#,
    );
    body
}
