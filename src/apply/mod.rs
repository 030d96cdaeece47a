//! Walks the steps of a plan, observes the world, and tells what happens. It makes no choices.

mod batches;
pub mod builds;
pub mod certs;
pub mod comparison;
mod copies;
pub mod courier;
pub mod doctor;
pub mod engine_events;
pub mod executor;
pub mod fragments;
pub mod gateway;
pub mod logs;
mod messages;
pub mod mirror;
pub mod notify;
pub mod observe;
pub mod outputs;
pub mod permissions;
pub mod ready;
pub mod records;
mod running;
pub mod secrets;
pub mod setting;
pub mod stand_in;
pub mod steps;
pub mod taken;
pub mod trust;
mod walk;
pub mod watch;
mod work;
pub mod zones;

use std::time::Duration;

/// What happens while a plan is carried out; `usize` is the index of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A step has begun.
    Begun(usize),
    /// What a step is at.
    Doing(usize, String),
    /// Something that people should know of a step that goes well.
    Note(usize, String),
    /// Output of a step.
    Line(usize, String),
    /// A step has ended well.
    Done(usize, Duration),
    /// A step has failed.
    Failed(usize),
    /// A second has passed.
    Tick,
}

/// Where events go.
pub type Report<'a> = &'a (dyn Fn(Event) + Sync);
