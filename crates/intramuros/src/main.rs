//! What did the person ask the program to do?
fn main() {}
