//! What a crash, a power cut and a full disk may not do: tests with a hub as a process of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod crash;
mod damage;
mod disk_full;
mod flow;
mod load;
mod power_loss;
mod volatile;
