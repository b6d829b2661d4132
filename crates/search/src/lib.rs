//! Which passages may this principal read that answer this query?
