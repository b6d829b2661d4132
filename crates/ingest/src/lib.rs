//! What text is in these bytes, and where?
