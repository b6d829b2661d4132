//! How near in meaning are two texts, with the model of which it is known what is near?

use intramuros_core::error::Error;
use intramuros_core::vector::dot;

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
        Ok(Some(others.iter().map(|other| dot(own, other)).collect()))
    }

    /// The vector of a question. None where there is no model, or it fails.
    pub(crate) fn question_vector(&self, question: &str) -> Option<Vec<f32>> {
        self.shared.models.known()?.query(question).ok()
    }

    /// How near texts lie to a question's vector. None as [`Library::question_vector`].
    pub(crate) fn nearness_to_vector(&self, question: &[f32], texts: &[&str]) -> Option<Vec<f32>> {
        let embed = self.shared.models.known()?;
        let vectors = embed.passages(texts.get(..MOST_TEXTS).unwrap_or(texts)).ok()?;
        Some(vectors.iter().map(|text| dot(question, text)).collect())
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
