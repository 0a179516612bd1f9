use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// What a CIDR with bits behind its prefix is read as, if the text is one: nobody can see whether the network or the
/// address was meant. `net` is what [`parse_cidr`] made of it; this is the rest of a sentence that starts with the text.
#[must_use]
pub fn read_as(text: &str, net: &IpNet) -> Option<String> {
    let (addr, _) = text.split_once('/')?;
    let addr: IpAddr = addr.parse().ok()?;
    (net.network() != addr.to_canonical())
        .then(|| format!("is read as \"{net}\"; write that, or \"{addr}\" for the one address"))
}

/// A CIDR or a bare address, canonical, without the bits behind its prefix ([`read_as`] tells of them).
///
/// # Errors
///
/// The text is neither. The error is the rest of a sentence that starts with the text.
pub fn parse_cidr(text: &str) -> Result<IpNet, String> {
    let (addr_text, prefix_text) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let addr: IpAddr = addr_text.parse().map_err(|_| {
        "is not a CIDR or an address (write it like \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.1\")"
            .to_owned()
    })?;
    let most = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix_text {
        Some(prefix) => parse_prefix(prefix)
            .filter(|&prefix| prefix <= most)
            .ok_or_else(|| format!("is not a CIDR (prefix 0–{most})"))?,
        None => most,
    };
    let net = IpNet::new(addr, prefix).map_err(|_| format!("is not a CIDR (prefix 0–{most})"))?;
    Ok(canonical(net).trunc())
}

/// Decimal without sign or leading zero: `str::parse` would take `+8` and `008`.
fn parse_prefix(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (digits && !leading_zero).then(|| text.parse().ok()).flatten()
}

/// `::ffff:a.b.c.d/(96 + n)` is `a.b.c.d/n`. A shorter IPv6 prefix stays IPv6, and matches no IPv4 address.
pub(super) fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let length = v6.prefix_len().checked_sub(96);
    match (v6.addr().to_ipv4_mapped(), length) {
        (Some(v4), Some(length)) => Ipv4Net::new(v4, length).map_or(net, IpNet::V4),
        _ => net,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_behind_the_prefix_are_nothing_and_are_told() {
        let told = |text| read_as(text, &parse_cidr(text).unwrap());
        assert_eq!(
            told("10.0.0.1/8").as_deref(),
            Some("is read as \"10.0.0.0/8\"; write that, or \"10.0.0.1\" for the one address")
        );
        assert_eq!(parse_cidr("::ffff:10.0.0.1/104").unwrap().to_string(), "10.0.0.0/8");
        assert!(told("::ffff:10.0.0.1/104").is_some() && told("2001:db8::1/32").is_some());
        for fine in
            ["10.0.0.0/8", "10.0.0.1", "10.0.0.1/32", "::ffff:10.0.0.0/104", "2001:db8::/32", "::/0", "::1"]
        {
            assert_eq!(told(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_is_no_cidr_is_refused_with_the_remedy() {
        let error = |text| parse_cidr(text).unwrap_err();
        assert_eq!(error("10.0.0.0/33"), "is not a CIDR (prefix 0–32)");
        assert_eq!(error("2001:db8::/129"), "is not a CIDR (prefix 0–128)");
        let slashes = ["10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0/8", "010.0.0.0/8"];
        for text in slashes.into_iter().chain(["", "a", " ::1", "fe80::1%eth0"]) {
            assert!(parse_cidr(text).is_err(), "{text}");
        }
    }
}
