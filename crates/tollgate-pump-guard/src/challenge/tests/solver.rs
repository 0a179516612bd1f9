use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// What `SOLVER_JS` prints for this challenge; `None` where there is no Node.
fn run(text: &str) -> Option<String> {
    let mut node = Command::new("node")
        .args(["--input-type=module", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let script = format!("{SOLVER_JS}\nprocess.stdout.write(await solve('{text}').catch(String));\n");
    node.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_browser_s_solver_solves_what_is_issued_here() {
    let verifier = verifier().with_difficulty(10).unwrap();
    let text = text(&verifier, &here());
    let Some(solution) = run(&text) else {
        println!("node is not here: the solver for browsers was not run");
        return;
    };
    assert_eq!(Some(&solution), solve(&text).as_ref());
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
}

#[test]
fn the_browser_s_solver_does_not_try_what_has_no_end() {
    for text in ["v1.1.40.a.b", "v1.1.x.a.b", "v2.1.8.a.b", ""] {
        match run(text) {
            Some(said) => assert_eq!(said, "RangeError: this is no challenge that can be solved here"),
            None => println!("node is not here: the solver for browsers was not run"),
        }
    }
}
