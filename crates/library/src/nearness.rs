//! How near in meaning are two texts, with the model of which it is known what is near?

use intramuros_core::error::Error;

use crate::library::Library;

/// Texts of one call at most: each costs the model some ten milliseconds.
const MOST_TEXTS: usize = 32;

impl Library {
    /// The dot product of a text's vector with those of others, both taken as passages. None where there is no model.
    ///
    /// # Errors
    /// When the model fails.
    pub fn nearness(&self, text: &str, others: &[&str]) -> Result<Option<Vec<f32>>, Error> {
        let Some(embed) = self.shared.models.known() else { return Ok(None) };
        let texts: Vec<&str> = std::iter::once(text).chain(others.iter().copied()).take(MOST_TEXTS).collect();
        let vectors = embed.passages(&texts)?;
        let Some((own, others)) = vectors.split_first() else { return Ok(None) };
        let dot = |other: &Vec<f32>| own.iter().zip(other).map(|(a, b)| a * b).sum();
        Ok(Some(others.iter().map(dot).collect()))
    }

    /// The vectors of texts, taken as passages. None where there is no model.
    ///
    /// # Errors
    /// When the model fails.
    pub fn vectors(&self, texts: &[String]) -> Result<Option<Vec<Vec<f32>>>, Error> {
        let Some(embed) = self.shared.models.known() else { return Ok(None) };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embed.passages(&texts).map(Some)
    }
}
