//! TLS, users, and what is never told.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tollgate_rate_limit::Limiter;
use tollgate_redis::rate_limit::Sharing;
use tollgate_redis::{Connection, Server};

use crate::server::{TestServer, free_port, program};
use crate::{SOON, client, of_day, passing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_by_tls_is_believed_by_its_authority_and_by_no_other() {
    let Some(program) = program() else { return };
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let dir = std::env::temp_dir().join(format!("tollgate-redis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (certificate_file, key_file) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let (certificate_file, key_file) = (certificate_file.to_str().unwrap(), key_file.to_str().unwrap());
    let port = free_port();
    let tls_port = port.to_string();
    let args = ["--tls-port", &tls_port, "--tls-cert-file", certificate_file, "--tls-key-file", key_file];
    let args = [&args[..], &["--tls-ca-cert-file", certificate_file, "--tls-auth-clients", "no"]].concat();
    let _server = TestServer::start(program, &args);
    let server: Server = format!("rediss://localhost:{port}").parse().unwrap();

    let connection = Connection::open(server.clone().with_ca(certificate.pem())).unwrap();
    assert!(connection.up_within(SOON).await);
    let limiter = Sharing::insecure_without_secret(connection).share(Limiter::new([of_day("a", 3)]).unwrap());
    assert_eq!(passing(&limiter, client(1), 5).await, 3);

    let other_key = KeyPair::generate().unwrap();
    let other =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&other_key).unwrap();
    let connection = Connection::open(server.with_ca(other.pem())).unwrap();
    assert!(!connection.up_within(Duration::from_millis(800)).await);
    let _ = std::fs::remove_dir_all(&dir);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_who_the_url_says_and_see_only_our_keys() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let rules = ["acl", "setuser", "limits", "on", ">hunter2", "~tollgate1:*", "resetchannels"];
    let commands = ["-@all", "+evalsha", "+eval", "+mget", "+set", "+pttl", "+time", "+ping"];
    assert_eq!(server.cli(&[&rules[..], &commands[..]].concat()).trim(), "OK");
    let url = |password: &str| format!("redis://limits:{password}@127.0.0.1:{}", server.port);

    let connection = Connection::open(url("hunter2").parse().unwrap()).unwrap();
    assert!(connection.up_within(SOON).await);
    assert!(!format!("{connection:?}").contains("hunter2"));
    let limiter = Sharing::insecure_without_secret(connection).share(Limiter::new([of_day("a", 3)]).unwrap());
    assert_eq!(passing(&limiter, client(1), 5).await, 3);
    assert!(!format!("{limiter:?}").contains("hunter2"));

    let connection = Connection::open(url("hunter3").parse().unwrap()).unwrap();
    assert!(!connection.up_within(Duration::from_millis(800)).await);
}
