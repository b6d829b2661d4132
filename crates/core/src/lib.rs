//! What is a document, a passage, a principal, a rule, a perimeter?
