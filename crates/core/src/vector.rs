//! How is an embedding kept: small enough for memory, exact enough for ranking?

/// Dimensions of the built-in model's embeddings.
pub const DIMENSIONS: usize = 384;

/// Bytes of a vector of the built-in model as kept in the store: the scale (f32, little endian), then one signed byte a
/// dimension.
pub const VECTOR_BYTES: usize = 4 + DIMENSIONS;

/// Most dimensions of a declared model's embeddings. 4,096: the largest in use; a dot product of so many terms (each at
/// most 127 * 2047) stays inside 32 bits.
pub const MAX_DIMENSIONS: usize = 4_096;

/// The dot product of two embeddings: how near they are.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How the dot products of a model's questions and passages are to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// From here on a passage is near the question.
    pub near: f32,
    /// How much farther a passage lies for being written in another language than the question.
    pub across_languages: f32,
}

/// An embedding in 8 bits a dimension: value = `values[i] * scale`. The largest component of the original is ±127.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// What one unit stands for.
    pub scale: f32,
    /// The components: [`DIMENSIONS`] of them for the built-in model, as many as the model gives for others.
    pub values: Box<[i8]>,
}

impl Vector {
    /// Rounds an embedding to 8 bits. None when it has no component, more than [`MAX_DIMENSIONS`], or one that is not
    /// finite.
    pub fn quantise(components: &[f32]) -> Option<Vector> {
        let proper = (1..=MAX_DIMENSIONS).contains(&components.len());
        if !proper || components.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let largest = components.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let round = |component: &f32| (component / scale).round().clamp(-127.0, 127.0) as i8;
        Some(Vector { scale, values: components.iter().map(round).collect() })
    }

    /// The components as floating point.
    pub fn components(&self) -> Vec<f32> {
        self.values.iter().map(|value| f32::from(*value) * self.scale).collect()
    }

    /// The vector as bytes: four, and one for each dimension.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of::<f32>() + self.values.len());
        bytes.extend_from_slice(&self.scale.to_le_bytes());
        bytes.extend(self.values.iter().map(|value| value.cast_unsigned()));
        bytes
    }

    /// Reads what [`Vector::to_bytes`] wrote. None when the length or the scale can't be right.
    pub fn from_bytes(bytes: &[u8]) -> Option<Vector> {
        let (scale, rest) = bytes.split_first_chunk::<4>()?;
        let scale = f32::from_le_bytes(*scale);
        let proper = (1..=MAX_DIMENSIONS).contains(&rest.len()) && scale.is_finite() && scale > 0.0;
        proper.then(|| Vector { scale, values: rest.iter().map(|byte| byte.cast_signed()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_survives_its_bytes_and_loses_less_than_half_a_unit() {
        let components: Vec<f32> = (0..DIMENSIONS).map(|i| (i as f32 * 0.37).sin() / 20.0).collect();
        let vector = Vector::quantise(&components).unwrap();
        assert_eq!(Vector::from_bytes(&vector.to_bytes()).unwrap(), vector);
        for (before, after) in components.iter().zip(vector.components()) {
            assert!((before - after).abs() <= vector.scale * 0.501);
        }
    }

    #[test]
    fn what_is_not_a_vector_is_refused() {
        assert!(Vector::quantise(&[]).is_none());
        assert!(Vector::quantise(&[0.5; MAX_DIMENSIONS + 1]).is_none());
        assert!(Vector::quantise(&[f32::NAN; DIMENSIONS]).is_none());
        assert!(Vector::from_bytes(&[0; 10]).is_none());
        assert!(Vector::from_bytes(&1.0f32.to_le_bytes()).is_none());
        assert!(Vector::quantise(&[0.0; DIMENSIONS]).is_some());
    }
}
