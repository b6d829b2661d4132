//! Does exactly what is declared leave, over real sockets, and is every decision written down?

mod refused;
mod sent;
mod support;
