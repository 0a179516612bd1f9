use std::net::SocketAddr;

use clap::Args;

use super::print::say;
use super::{Outcome, bind, told_to_stop};

/// Serve the 8x8-shaped sandbox alone: it sends nothing and remembers what it was sent
///
/// GET /_sandbox/requests lists what it received, newest last; DELETE forgets it. GET /_sandbox/sessions/{id}/code tells
/// the code of a verification session. Any `Authorization: Bearer …` is a valid API key.
#[derive(Debug, Args)]
pub(super) struct Sandbox {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
    /// Print the address as JSON
    #[arg(long)]
    json: bool,
}

impl Sandbox {
    pub(super) async fn run(self) -> Outcome {
        let listener = bind("--listen", self.listen).await?;
        let addr = listener.local_addr()?;
        if self.json {
            say!("{}", serde_json::json!({ "sandbox": format!("http://{addr}") }));
        } else {
            say!("sandbox on http://{addr}, received requests on http://{addr}/_sandbox/requests");
        }
        tokio::select! {
            ended = tollgate_sandbox::Sandbox::new().serve(listener) => Ok(ended?),
            () = told_to_stop() => Ok(()),
        }
    }
}
