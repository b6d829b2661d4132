//! Who can reach whom, and which policies make it exactly so?
