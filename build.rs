//! Says which folders are embedded in the binary, so that a change in them builds it again.

fn main() {
    for path in ["images", "compose", "templates", "certs", "devenv.example.yaml"] {
        println!("cargo:rerun-if-changed={path}");
    }
}
