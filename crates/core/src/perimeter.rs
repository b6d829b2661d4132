//! What did the organisation declare in `intramuros.toml`?
