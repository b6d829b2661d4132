//! What has been acknowledged, and what must still be done?
