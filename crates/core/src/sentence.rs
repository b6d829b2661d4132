//! Where does a sentence end?
