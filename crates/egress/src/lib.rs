//! May this connection leave, and who allowed it?
