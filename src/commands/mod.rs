//! One file per subcommand: its arguments, and a few lines. What they share is in `context`.

pub mod assembly;
pub mod certs;
pub mod config;
pub mod context;
pub mod deps;
pub mod doctor;
pub mod down;
pub mod hosts;
pub mod ide;
pub mod images;
pub mod init;
pub mod logs;
pub mod mirror;
pub mod prepare;
pub mod secrets;
pub mod session;
pub mod shell;
mod site;
pub mod start;
pub mod status;
pub mod steps;
pub mod stop;
pub mod toggle;
pub mod up;
pub mod update;
pub mod url;
pub mod watch;
