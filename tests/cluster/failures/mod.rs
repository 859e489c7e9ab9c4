//! What a hub survives, each bar a test of its own.

mod hub;
mod load;
mod nodes;
mod pools;
mod storage_node;
mod upgrade;
mod workers;
