//! The worker as a whole, in one process, against a storage node in memory.

mod hub;
mod pipes;

use hub::Hub;
