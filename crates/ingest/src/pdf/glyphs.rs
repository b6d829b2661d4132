//! Which characters does a page show, where, how large, and does it show pictures?
//!
//! The interpreter calls this device for everything that a page draws. Nothing is painted: glyphs are noted with
//! their place, and images only with the area that they cover.

use std::collections::HashSet;

use hayro::hayro_interpret::font::{Glyph as Shape, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use hayro::kurbo::{Affine, BezPath, Point, Rect};

/// Glyphs noted for one page. A page of the densest table has 50,000; a page that draws more is made to exhaust us.
const GLYPHS_PER_PAGE: usize = 400_000;

/// Drawing calls on one page. Maps have some hundred thousand; forms that call each other reach billions.
const CALLS_PER_PAGE: u64 = 1_000_000;

/// One character (or ligature) on a page, in points, y downwards, the page upright.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    /// The characters that it stands for; none when the font doesn't say.
    pub text: Option<BfString>,
    /// Where it begins, on its baseline.
    pub start: (f32, f32),
    /// Where the next one begins, without extra spacing.
    pub end: (f32, f32),
    /// Height of the font's em.
    pub size: f32,
    /// Direction of the writing in degrees, clockwise; 0 is from left to right.
    pub turn: i16,
    /// Drawn in a bold face.
    pub bold: bool,
    /// Drawn in a face of fixed width.
    pub mono: bool,
}

/// What one page shows.
#[derive(Debug, Default)]
pub(super) struct Ink {
    /// Its characters, in the order of drawing.
    pub glyphs: Vec<Glyph>,
    /// Area covered by images, in square points; overlaps count twice.
    pub image_area: f64,
    calls: u64,
    seen: HashSet<(char, i32, i32, i32)>,
}

/// Thrown through the interpreter when a page draws too much; caught by the reader of the page.
pub(super) struct TooMuch;

impl Ink {
    /// How many things were drawn.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    fn count(&mut self, calls: u64) {
        self.calls += calls;
        if self.calls > CALLS_PER_PAGE || self.glyphs.len() > GLYPHS_PER_PAGE {
            // The interpreter has no way to be told to stop; unwinding without a message is the one there is.
            std::panic::resume_unwind(Box::new(TooMuch));
        }
    }

    fn note(&mut self, shape: &Shape<'_>, place: Affine, style: Style) {
        let advance = match shape {
            Shape::Outline(glyph) => glyph.advance_width(),
            Shape::Type3(glyph) => glyph.advance_width(),
        };
        let advance = f64::from(advance.unwrap_or(500.0)).abs();
        let (from, up) = (place * Point::ZERO, place * Point::new(0.0, 1000.0));
        let to =
            if style.vertical { place * Point::new(0.0, -1000.0) } else { place * Point::new(advance, 0.0) };
        let ahead = if style.vertical { to } else { place * Point::new(1000.0, 0.0) };
        let size = (up - from).hypot() as f32;
        if !size.is_finite() || !to.x.is_finite() || !to.y.is_finite() || size < 0.1 {
            return;
        }
        let direction = ahead - from;
        let turn = direction.y.atan2(direction.x).to_degrees().round() as i16;
        let text = shape.as_unicode().or_else(|| (shape.char_code() == 32).then_some(BfString::Char(' ')));
        if self.drawn_twice(text.as_ref(), from, size) {
            return;
        }
        self.glyphs.push(Glyph {
            text,
            start: (from.x as f32, from.y as f32),
            end: (to.x as f32, to.y as f32),
            size,
            turn: if turn == -180 { 180 } else { turn },
            bold: style.bold,
            mono: style.mono,
        });
    }

    /// Fake bold and shadows draw the same character again, a hair's breadth away.
    fn drawn_twice(&mut self, text: Option<&BfString>, at: Point, size: f32) -> bool {
        let character = match text {
            Some(BfString::Char(character)) if !character.is_whitespace() => *character,
            _ => return false,
        };
        let grid = f64::from(size) * 0.08;
        let (x, y) = ((at.x / grid) as i32, (at.y / (grid * 2.0)).round() as i32);
        // The grid depends on the size, so places are compared among glyphs of one size.
        let size = (size * 8.0) as i32;
        let twice = (-1..=1).any(|step| self.seen.contains(&(character, x.saturating_add(step), y, size)));
        self.seen.insert((character, x, y, size));
        twice
    }
}

#[derive(Clone, Copy, Default)]
struct Style {
    bold: bool,
    mono: bool,
    vertical: bool,
}

fn style_of(shape: &Shape<'_>) -> Style {
    let Shape::Outline(glyph) = shape else { return Style::default() };
    let Some(font) = glyph.font_data() else { return Style::default() };
    let name = font.postscript_name.unwrap_or_default().to_ascii_lowercase();
    Style {
        bold: font.weight.is_some_and(|weight| weight >= 600)
            || ["bold", "black", "heavy", "semibold"].iter().any(|word| name.contains(word)),
        mono: font.is_monospace || name.contains("mono") || name.contains("courier"),
        vertical: false,
    }
}

impl Device<'_> for Ink {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {
        self.count(1);
    }

    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'_>, _: &DrawMode) {
        self.count(1);
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.count(1);
    }

    fn push_clip_rect(&mut self, _: &Rect) {
        self.count(1);
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {
        self.count(1);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        self.count(1);
        let Some(first) = run.glyphs().first() else { return };
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let style = Style { vertical, ..style_of(first) };
        for glyph in run.glyphs() {
            self.note(glyph, props.transform * glyph.transform(), style);
        }
    }

    fn draw_image(&mut self, image: Image<'_, '_>, props: ImageDrawProps<'_>) {
        self.count(10);
        // The matrix maps pixels to the page, so the area on the page is its determinant times the pixels.
        let pixels = f64::from(image.width()) * f64::from(image.height());
        self.image_area += props.transform.determinant().abs() * pixels;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
