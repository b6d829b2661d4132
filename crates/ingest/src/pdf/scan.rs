//! Which pages are only pictures of text, and how is a page drawn: for OCR, and for people?

use hayro::hayro_interpret::{InterpreterSettings, TransformExt};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{self, Pixmap, RenderContext};
use hayro::{RenderCache, RenderSettings, render_into};

use super::glyphs::Ink;

/// Dots per inch of a drawn page. OCR gains nothing above 300 and loses small print below 150.
const RESOLUTION: f64 = 200.0;

/// Pixels of a drawn page: A3 at 200 dpi has 8 million. Larger pages are drawn smaller.
const PIXELS: f64 = 12e6;

/// Longest edge of a drawn page, in pixels: the renderer counts in 16 bits.
const EDGE: f64 = 16_000.0;

/// Characters that a scanned page may carry as text (a stamp, a page number) and still be a picture of text.
const STAMP: usize = 100;

/// Drawing calls from which a page without text and images is text drawn as outlines.
const OUTLINES: u64 = 300;

/// Whether a page's text is in its pictures. `characters` are the readable ones, `area` the page's in square points.
pub(super) fn is_picture(ink: &Ink, characters: usize, area: f64) -> bool {
    let covered = ink.image_area / area.max(1.0);
    let unreadable = ink.glyphs.iter().filter(|glyph| glyph.text.is_none()).count();
    (characters < STAMP && covered > 0.8)
        || (characters < STAMP / 5 && covered > 0.2)
        || (characters == 0 && (covered > 0.05 || ink.calls() > OUTLINES))
        // A font that doesn't say what its glyphs mean: only their shapes can be read.
        || (unreadable > 20 && unreadable > 2 * characters)
}

/// Draws a page as a grey PNG; none when that fails.
pub(super) fn draw<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>) -> Option<Vec<u8>> {
    let pixels = paint(page, cache, RESOLUTION / 72.0)?;
    // On white ground every pixel is opaque: the colours stand as they are.
    let grey: Vec<u8> = pixels
        .data()
        .iter()
        .map(|pixel| {
            ((u32::from(pixel.r) * 77 + u32::from(pixel.g) * 151 + u32::from(pixel.b) * 28) >> 8) as u8
        })
        .collect();
    png(&pixels, png::ColorType::Grayscale, &grey)
}

/// Draws a page in colours as a PNG of this width in pixels (less where the page would be too large); none when that
/// fails.
pub(super) fn look<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>, width: u32) -> Option<Vec<u8>> {
    let pixels = paint(page, cache, f64::from(width) / f64::from(page.render_dimensions().0).max(1.0))?;
    let colours: Vec<u8> = pixels.data().iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect();
    png(&pixels, png::ColorType::Rgb, &colours)
}

/// A page on white ground, so many pixels to the point.
fn paint<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>, scale: f64) -> Option<Pixmap> {
    let (width, height) = page.render_dimensions();
    let (width, height) = (f64::from(width), f64::from(height));
    let scale = scale.min((PIXELS / (width * height).max(1.0)).sqrt()).min(EDGE / width.max(height).max(1.0));
    let (columns, rows) = ((width * scale).round() as u16, (height * scale).round() as u16);
    if columns == 0 || rows == 0 {
        return None;
    }
    let mut context = RenderContext::new(columns, rows);
    let transform = Affine::scale(scale) * page.initial_transform(true).to_kurbo();
    let (interpreter, renderer) = (InterpreterSettings::default(), RenderSettings::default());
    render_into(page, cache, &interpreter, &renderer, &mut context, transform);
    context.flush();
    let mut pixels = Pixmap::new(columns, rows);
    let target = vello_cpu::RasterizerSettings {
        target_init: vello_cpu::TargetInit::Clear(WHITE),
        ..vello_cpu::RasterizerSettings::default()
    };
    context.render_with(&mut pixels, &mut vello_cpu::Resources::default(), target);
    Some(pixels)
}

fn png(pixels: &Pixmap, colours: png::ColorType, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, u32::from(pixels.width()), u32::from(pixels.height()));
    encoder.set_color(colours);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(bytes).ok()?;
    writer.finish().ok()?;
    Some(out)
}
