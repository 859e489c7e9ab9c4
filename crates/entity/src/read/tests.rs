//! Reading: what is accepted, what is refused and where.
