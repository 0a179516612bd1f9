//! Every resolver asked the same question, each in its own way.

use std::hint::black_box;
use std::net::IpAddr;

use real_ip::IpNet;
use tollgate_benches::Contender;
use tollgate_client_ip::{Resolver, Rule, Strategy};
use tollgate_core::Peer;
use tower_governor::key_extractor::{KeyExtractor, SmartIpKeyExtractor};
use trusted_proxies::Trusted;

use crate::cases::{Case, Header, Scene, Visit};

/// The names, ours first; [`field`] gives contenders in this order.
pub(crate) const NAMES: [&str; 5] = ["ours", "real-ip", "trusted-proxies", "client-ip", "SmartIp"];

/// A contender, and whether what it answers is the client.
pub(crate) struct Entrant<'a> {
    pub(crate) contender: Contender<'a>,
    pub(crate) right: bool,
}

/// All of them, with this case's networks trusted.
pub(crate) fn field(case: Case, scene: &Scene) -> Vec<Entrant<'_>> {
    let [ours, real_ip, trusted_proxies, client_ip, smart_ip] = NAMES;
    let resolver = resolver(case.header, scene);
    let nets: Vec<IpNet> = scene.trusted.iter().map(|net| net.parse().unwrap()).collect();
    let config = trusted_proxies_config(case.header, scene);
    vec![
        entrant(ours, scene, move |visit| {
            resolver
                .resolve(Some(Peer::Tcp(visit.peer)), visit.request.headers())
                .client_ip()
                .map(|c| c.addr())
        }),
        entrant(real_ip, scene, move |visit| {
            real_ip::real_ip(visit.request.headers(), visit.peer.ip(), &nets)
        }),
        entrant(trusted_proxies, scene, move |visit| {
            Some(Trusted::from(visit.peer.ip(), &visit.request, &config).ip())
        }),
        match case.header {
            Header::XForwardedFor => entrant(client_ip, scene, |visit| {
                client_ip::rightmost_x_forwarded_for(visit.request.headers()).ok()
            }),
            Header::Forwarded => entrant(client_ip, scene, |visit| {
                client_ip::rightmost_forwarded(visit.request.headers()).ok()
            }),
        },
        entrant(smart_ip, scene, |visit| SmartIpKeyExtractor.extract(&visit.request).ok()),
    ]
}

/// Ours, which believes this case's networks about this case's header.
pub(crate) fn resolver(header: Header, scene: &Scene) -> Resolver {
    let name = match header {
        Header::XForwardedFor => "X-Forwarded-For",
        Header::Forwarded => "Forwarded",
    };
    Resolver::new().with_rule(Rule::new(&scene.trusted, name, Strategy::Ranges).unwrap())
}

fn trusted_proxies_config(header: Header, scene: &Scene) -> trusted_proxies::Config {
    let mut config = trusted_proxies::Config::new();
    match header {
        Header::XForwardedFor => config.trust_x_forwarded_for(),
        Header::Forwarded => config.trust_forwarded(),
    }
    for net in &scene.trusted {
        config.add_trusted_ip(net).unwrap();
    }
    config
}

fn entrant<'a>(
    name: &'static str,
    scene: &'a Scene,
    resolve: impl Fn(&Visit) -> Option<IpAddr> + 'a,
) -> Entrant<'a> {
    let right = scene.visits.iter().all(|visit| resolve(visit) == Some(visit.client));
    let mut turn = 0;
    let last = scene.visits.len() - 1;
    assert_eq!(scene.visits.len() & last, 0, "the number of requests is a power of two");
    let contender = Contender::new(name, move || {
        turn = (turn + 1) & last;
        resolve(black_box(&scene.visits[turn]))
    });
    Entrant { contender, right }
}
