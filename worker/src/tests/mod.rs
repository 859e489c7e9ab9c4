//! The worker as a whole, in one process, against a storage node in memory.

mod assignments;
mod configurations;
mod durable;
mod failing_again;
mod fencing;
mod flowing;
mod full_pushes;
mod hub;
mod joins;
mod keeping;
mod kinds;
mod leaving;
mod limits;
mod logs;
mod losing_disks;
mod mass_deletes;
mod other_hubs;
mod other_side;
mod outside;
mod paging;
mod passing_over;
mod pipes;
mod population;
mod publishing;
mod pumping;
mod receiving;
mod replicas;
mod running_everything;
mod signals;
mod write_errors;

use hub::Hub;
