//! What text is in these office files, in which order, and where?
//!
//! Each reader is a pure function from bytes to blocks. The dispatcher calls [`ole::extract`] for every compound file
//! that is not a mail, and one of the others for a ZIP or RTF file of that format.

pub mod doc;
pub mod docx;
pub mod odp;
pub mod ods;
pub mod odt;
pub mod ole;
pub mod ppt;
pub mod pptx;
pub mod rtf;
pub mod xls;
pub mod xlsx;
