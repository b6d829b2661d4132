//! Which of the processor's instructions compute the built-in model?

use fearless_simd::Level;
use fearless_simd::x86::{Avx2, Avx512};

/// A processor whose instructions are known to be there.
#[derive(Clone, Copy)]
pub(crate) enum Processor {
    /// Multiplies four bytes by four and adds them up in one step (AVX-512 VNNI: servers since Ice Lake and Zen 4).
    Avx512(Avx512),
    /// Multiplies two numbers of 16 bits by two and adds them up in one step (since Haswell and Zen).
    Avx2(Avx2),
}

impl Processor {
    /// The one that the program runs on; none where it has neither.
    pub fn here() -> Option<Processor> {
        Level::new().as_avx512().map(Processor::Avx512).or_else(Processor::lesser)
    }

    /// The one that the program runs on, by the lesser instructions.
    pub fn lesser() -> Option<Processor> {
        Level::new().as_avx2().map(Processor::Avx2)
    }
}
