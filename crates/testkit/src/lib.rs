//! What do several test suites need to stand on? (development only)
