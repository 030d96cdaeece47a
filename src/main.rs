//! argv → Context → run → error → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    devenv::cli::main()
}
