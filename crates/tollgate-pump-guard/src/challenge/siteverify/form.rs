use std::net::IpAddr;

/// The question, as `application/x-www-form-urlencoded`.
pub(super) fn body(secret: &str, token: &str, client_ip: Option<IpAddr>) -> String {
    let mut out = String::with_capacity(secret.len() + token.len() + 80);
    append(&mut out, "secret=", secret);
    append(&mut out, "&response=", token);
    if let Some(addr) = client_ip {
        append(&mut out, "&remoteip=", &addr.to_canonical().to_string());
    }
    out
}

/// Percent-encodes all but what the URL standard (§5.2) leaves as it is.
fn append(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    for byte in value.bytes() {
        match byte {
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}
