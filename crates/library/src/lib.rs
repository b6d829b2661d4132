//! Are the files, the store, the words and the vectors in step, and what do they say?
