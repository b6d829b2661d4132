//! Who asks, over which protocol?
