//! The program that the conformance suite judges; `streamckpt::protocol` says what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    streamckpt::protocol::main()
}
