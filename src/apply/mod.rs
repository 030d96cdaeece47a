//! Walks the steps of a plan, observes the world, and tells what happens. It makes no choices.

pub mod builds;
pub mod certs;
pub mod copies;
pub mod courier;
pub mod doctor;
pub mod engine_events;
pub mod executor;
pub mod fragments;
pub mod mirror;
pub mod notify;
pub mod observe;
pub mod ready;
pub mod secrets;
pub mod steps;
pub mod watch;

use std::time::Duration;

/// What happens while a plan is carried out; `usize` is the index of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step has begun.
    Begun(usize),
    /// What a step is at.
    Doing(usize, String),
    /// Output of a step.
    Line(usize, String),
    /// A step has ended well.
    Done(usize, Duration),
    /// A step has failed.
    Failed(usize),
}

/// Where events go.
pub type Report<'a> = &'a (dyn Fn(Event) + Sync);
