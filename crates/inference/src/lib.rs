//! What is the vector of this text; what does the model say?
