//! Does the tree follow the project's own rules?
fn main() {}
