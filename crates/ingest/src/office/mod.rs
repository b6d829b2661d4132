//! What text is in these office files, in which order, and where?
//!
//! Each reader is a pure function from bytes to blocks. The dispatcher calls [`ole::extract`] for every compound file
//! that is not a mail, and one of the others for a ZIP or RTF file of that format.
//!
//! Below the readers: [`package`] opens ZIP packages and streams their parts, [`xml`] reads every XML part, [`opc`]
//! follows the relationships of OOXML, [`blocks`] turns raw text into sound blocks.

mod blocks;
mod bytes;
mod chart;
pub(crate) mod compound;
mod diagram;
pub mod doc;
pub mod docx;
mod labels;
mod margins;
mod numbers;
pub mod odf;
pub mod ole;
mod opc;
mod package;
mod pictures;
pub mod ppt;
pub mod pptx;
mod properties;
pub mod rtf;
mod sheet;
mod summary;
mod walk;
pub mod xls;
pub mod xlsx;
mod xml;

pub use odf as odp;
pub use odf as ods;
pub use odf as odt;
