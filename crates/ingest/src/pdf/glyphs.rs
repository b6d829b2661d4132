//! Which characters does a page show, where, how large, and does it show pictures?
//!
//! The interpreter calls this device for everything that a page draws. Nothing is painted: glyphs are noted with
//! their place, straight lines with theirs (tables are ruled with them), and images only with the area that they cover.

use std::collections::HashSet;

use hayro::hayro_interpret::font::{Glyph as Shape, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use hayro::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape as _};

use super::accents;
use super::fonts::Fonts;

/// Glyphs noted for one page. A page of the densest table has 50,000; a page that draws more is made to exhaust us.
const GLYPHS_PER_PAGE: usize = 400_000;

/// Drawing calls on one page. Maps have some hundred thousand; forms that call each other reach billions.
const CALLS_PER_PAGE: u64 = 1_000_000;

/// Lines noted for one page. A printed spreadsheet has some thousands; more are a drawing.
const RULES_PER_PAGE: usize = 20_000;

/// Thicker than this, in points, a filled box is an area and no line.
const LINE_THICKNESS: f64 = 4.0;

/// Higher than this, in points, a filled box is a panel and not the ground of a cell or of a row.
const CELL_HEIGHT: f64 = 60.0;

/// Share of the em within which two places are the same.
const SAME_PLACE: f64 = 0.02;

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

/// A straight line along an axis, or the edge of a box; in points, y downwards, the page upright.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Whether it stands upright; others lie.
    pub upright: bool,
    /// Where it stands on the other axis.
    pub at: f32,
    /// Where it begins on its own axis.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
    /// The edge of a filled box: of the ground of a cell, or of words that someone marked.
    pub ground: bool,
}

/// What one page shows.
#[derive(Debug, Default)]
pub(super) struct Ink {
    /// Its characters, in the order of drawing.
    pub glyphs: Vec<Glyph>,
    /// Its straight lines.
    pub rules: Vec<Rule>,
    /// Area covered by images, in square points; overlaps count twice.
    pub image_area: f64,
    calls: u64,
    /// The fonts that were asked, where the PDF didn't say what a glyph stands for.
    pub fonts: Fonts,
    seen: HashSet<(char, i32, i32, i32)>,
}

/// Thrown through the interpreter when a page draws too much; caught by the reader of the page.
pub(super) struct TooMuch;

impl Ink {
    /// A page that shows nothing yet, with the fonts that earlier pages asked.
    pub fn with(mut fonts: Fonts) -> Ink {
        fonts.begin_page();
        Ink { fonts, ..Ink::default() }
    }

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
        let (from, up) = (place * Point::ZERO, place * Point::new(0.0, 1000.0));
        let to = match () {
            () if style.vertical => place * Point::new(0.0, -1000.0),
            () if style.stretched => unstretched_end(place, advance_of(shape)),
            () => place * Point::new(advance_of(shape), 0.0),
        };
        let ahead = if style.vertical { to } else { place * Point::new(1000.0, 0.0) };
        let size = (up - from).hypot() as f32;
        if !size.is_finite() || !to.x.is_finite() || !to.y.is_finite() || size < 0.1 {
            return;
        }
        let direction = ahead - from;
        let turn = direction.y.atan2(direction.x).to_degrees().round() as i16;
        let text = shape
            .as_unicode()
            .or_else(|| self.asked_font(shape))
            .or_else(|| (shape.char_code() == 32).then_some(BfString::Char(' ')));
        if self.drawn_twice(text.as_ref(), from, size) {
            return;
        }
        let glyph = Glyph {
            text,
            start: (from.x as f32, from.y as f32),
            end: (to.x as f32, to.y as f32),
            size,
            turn: if turn == -180 { 180 } else { turn },
            bold: style.bold,
            mono: style.mono,
        };
        let joined = self.glyphs.last().and_then(|last| accents::joined(last, &glyph));
        if joined.is_some() {
            self.glyphs.pop();
        }
        self.glyphs.push(joined.unwrap_or(glyph));
    }

    /// What a glyph stands for by its own font.
    fn asked_font(&mut self, shape: &Shape<'_>) -> Option<BfString> {
        let Shape::Outline(glyph) = shape else { return None };
        let font = glyph.font_data()?;
        let character =
            self.fonts.character(font.cache_key, (*font.data).as_ref(), glyph.glyph_id().to_u32());
        character.map(BfString::Char)
    }

    /// Notes the straight lines of a path, and the edges of its boxes.
    fn note_path(&mut self, path: &BezPath, place: Affine, mode: &DrawMode) {
        let stroked = matches!(mode, DrawMode::Stroke(_) | DrawMode::FillAndStroke(..));
        let mut corners: Vec<Point> = Vec::new();
        for element in path.elements() {
            if self.rules.len() >= RULES_PER_PAGE {
                return;
            }
            match element {
                PathEl::LineTo(point) => corners.push(place * *point),
                PathEl::ClosePath => {
                    let first = corners.first().copied();
                    corners.extend(first);
                }
                // What is curved ends one piece and begins the next, as lifting the pen does.
                PathEl::MoveTo(point) | PathEl::QuadTo(_, point) | PathEl::CurveTo(_, _, point) => {
                    self.note_outline(&corners, stroked);
                    corners.clear();
                    corners.push(place * *point);
                }
            }
        }
        self.note_outline(&corners, stroked);
    }

    fn note_outline(&mut self, corners: &[Point], stroked: bool) {
        if stroked {
            for pair in corners.windows(2) {
                if let [from, to] = pair {
                    self.note_rule(*from, *to, false);
                }
            }
        } else if let Some(area) = upright_box(corners) {
            self.note_area(area);
        }
    }

    /// A thin filled box is a line; low ones are the ground of a cell or of marked words.
    fn note_area(&mut self, area: Rect) {
        let middle = area.center();
        if area.height() <= LINE_THICKNESS.min(area.width()) {
            self.note_rule(Point::new(area.x0, middle.y), Point::new(area.x1, middle.y), false);
        } else if area.width() <= LINE_THICKNESS {
            self.note_rule(Point::new(middle.x, area.y0), Point::new(middle.x, area.y1), false);
        } else if area.height() <= CELL_HEIGHT {
            for (x, y) in [(area.x0, area.y0), (area.x1, area.y1)] {
                self.note_rule(Point::new(area.x0, y), Point::new(area.x1, y), true);
                self.note_rule(Point::new(x, area.y0), Point::new(x, area.y1), true);
            }
        }
    }

    fn note_rule(&mut self, from: Point, to: Point, ground: bool) {
        let (wide, high) = ((to.x - from.x).abs(), (to.y - from.y).abs());
        let finite = wide.is_finite() && high.is_finite();
        if !finite || self.rules.len() >= RULES_PER_PAGE || wide.min(high) > 1.0 || wide.max(high) < 1.0 {
            return;
        }
        let upright = high > wide;
        let (at, from, to) = if upright {
            ((from.x + to.x) / 2.0, from.y.min(to.y), from.y.max(to.y))
        } else {
            ((from.y + to.y) / 2.0, from.x.min(to.x), from.x.max(to.x))
        };
        self.rules.push(Rule { upright, at: at as f32, from: from as f32, to: to as f32, ground });
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

/// How wide a font says that a glyph is, in thousandths of its em.
fn advance_of(shape: &Shape<'_>) -> f64 {
    let advance = match shape {
        Shape::Outline(glyph) => glyph.advance_width(),
        Shape::Type3(glyph) => glyph.advance_width(),
    };
    f64::from(advance.unwrap_or(500.0)).abs()
}

/// Where a glyph ends that is drawn wider or narrower than it is: as wide as the em is high.
fn unstretched_end(place: Affine, advance: f64) -> Point {
    let from = place * Point::ZERO;
    let along = place * Point::new(1000.0, 0.0) - from;
    let up = place * Point::new(0.0, 1000.0) - from;
    from + along * (advance / 1000.0 * up.hypot() / along.hypot().max(f64::MIN_POSITIVE))
}

/// Whether a run is written in a font that the file doesn't hold: glyphs of another one are drawn as wide as those
/// would be. It shows in where the next glyphs begin.
fn is_stretched(run: &GlyphRun<'_, '_>, places: &[Affine]) -> bool {
    let (mut stretched, mut plain) = (0, 0);
    let followed = run.glyphs().iter().zip(places).zip(places.iter().skip(1));
    for ((glyph, place), next) in followed {
        let (advance, next) = (advance_of(glyph), *next * Point::ZERO);
        let (undrawn, drawn) = (unstretched_end(*place, advance), *place * Point::new(advance, 0.0));
        let em = (*place * Point::new(0.0, 1000.0) - *place * Point::ZERO).hypot();
        let near = |one: Point, other: Point| (one - other).hypot() < SAME_PLACE * em;
        if !near(undrawn, drawn) {
            stretched += u32::from(near(undrawn, next));
            plain += u32::from(near(drawn, next));
        }
    }
    stretched > plain
}

/// The box that these corners make, when its edges run along the axes.
fn upright_box(corners: &[Point]) -> Option<Rect> {
    let first = corners.first()?;
    if !(4..=6).contains(&corners.len()) {
        return None;
    }
    let area = corners.iter().fold(Rect::from_points(*first, *first), |area, corner| area.union_pt(*corner));
    let near = |value: f64, one: f64, other: f64| (value - one).abs() < 0.5 || (value - other).abs() < 0.5;
    let on_corner = |corner: &Point| near(corner.x, area.x0, area.x1) && near(corner.y, area.y0, area.y1);
    corners.iter().all(on_corner).then_some(area)
}

#[derive(Clone, Copy, Default)]
struct Style {
    bold: bool,
    mono: bool,
    vertical: bool,
    /// Drawn with glyphs of another font, made as wide as its own.
    stretched: bool,
}

fn style_of(shape: &Shape<'_>) -> Style {
    let Shape::Outline(glyph) = shape else { return Style::default() };
    let Some(font) = glyph.font_data() else { return Style::default() };
    let name = font.postscript_name.unwrap_or_default().to_ascii_lowercase();
    Style {
        bold: font.weight.is_some_and(|weight| weight >= 600)
            || ["bold", "black", "heavy", "semibold"].iter().any(|word| name.contains(word)),
        mono: font.is_monospace || name.contains("mono") || name.contains("courier"),
        ..Style::default()
    }
}

impl Device<'_> for Ink {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'_>, mode: &DrawMode) {
        self.count(1);
        self.note_path(path, props.transform, mode);
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'_>, mode: &DrawMode) {
        self.count(1);
        self.note_path(&rect.to_path(0.1), props.transform, mode);
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
        let places: Vec<Affine> =
            run.glyphs().iter().map(|glyph| props.transform * glyph.transform()).collect();
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let stretched = !vertical && is_stretched(run, &places);
        let style = Style { vertical, stretched, ..style_of(first) };
        for (glyph, place) in run.glyphs().iter().zip(places) {
            self.note(glyph, place, style);
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
