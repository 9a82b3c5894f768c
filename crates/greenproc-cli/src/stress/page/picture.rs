//! A picture with two axes, as SVG.

use std::fmt::Write as _;

use super::axis::Axis;
use super::markup::escape;

/// The picture so far.
pub(super) struct Picture {
    svg: String,
    x: Axis,
    y: Axis,
}

/// How large a picture is, and how much of it the labels take.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// An axis and how its values are written.
pub(super) struct Scale<'a> {
    pub(super) axis: Axis,
    /// About so many lines of the grid.
    pub(super) lines: u32,
    pub(super) write: &'a dyn Fn(f64) -> String,
}

impl Picture {
    /// The grid and its labels. `what` is for those who cannot see it.
    pub(super) fn new(room: Room, what: &str, x: &Scale<'_>, y: &Scale<'_>) -> Picture {
        let Room { width, height, left, right, top, bottom } = room;
        let mut picture = Picture {
            svg: String::new(),
            x: x.axis.over(left, width - right),
            y: y.axis.over(height - bottom, top),
        };
        picture.add(format_args!(
            r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{}">"#,
            escape(what)
        ));
        let (x1, x2) = (picture.x.from(), picture.x.to());
        for value in picture.y.lines(y.lines) {
            let at = picture.y.place(value);
            picture.add(format_args!(
                r#"<line class="grid" x1="{x1:.1}" x2="{x2:.1}" y1="{at:.1}" y2="{at:.1}"/>"#
            ));
            picture.text(x1 - 8.0, at + 4.0, "tick end", &(y.write)(value));
        }
        let (y1, y2) = (picture.y.from(), picture.y.to());
        for value in picture.x.lines(x.lines) {
            let at = picture.x.place(value);
            picture.add(format_args!(
                r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{y1:.1}" y2="{y2:.1}"/>"#
            ));
            picture.text(at, y1 + 18.0, "tick middle", &(x.write)(value));
        }
        picture
    }

    /// A line through these points, in the order in which they come; with what is below it, if that is filled.
    pub(super) fn line(&mut self, points: &[(f64, f64)], class: &str, is_filled: bool) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = String::new();
        for (number, (x, y)) in points.iter().enumerate() {
            let step = if number == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{step}{:.1} {:.1}", self.x.place(*x), self.y.place(*y));
        }
        if is_filled {
            let ground = self.y.from();
            let (from, to) = (self.x.place(first.0), self.x.place(last.0));
            self.add(format_args!(
                r#"<path class="area {class}" d="{path}L{to:.1} {ground:.1}L{from:.1} {ground:.1}Z"/>"#
            ));
        }
        self.add(format_args!(r#"<path class="line {class}" d="{path}"/>"#));
    }

    /// Something to be read where the pointer stands, between two values of x.
    pub(super) fn hover(&mut self, from: f64, to: f64, text: &str) {
        let (x1, x2) = (self.x.place(from), self.x.place(to));
        let (y1, y2) = (self.y.to(), self.y.from());
        self.add(format_args!(
            r#"<rect class="hover" x="{x1:.1}" y="{y1:.1}" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
            (x2 - x1).max(0.1),
            y2 - y1,
            escape(text)
        ));
    }

    /// A line across the picture at this value of x, from top to bottom.
    pub(super) fn mark(&mut self, value: f64) {
        let at = self.x.place(value);
        let (y1, y2) = (self.y.from(), self.y.to());
        self.add(format_args!(r#"<line class="mark" x1="{at:.1}" x2="{at:.1}" y1="{y1:.1}" y2="{y2:.1}"/>"#));
    }

    /// A value with the range in which most of it lies, at a height of its own.
    pub(super) fn ranged(&mut self, (low, value, high): (f64, f64, f64), y: f64, class: &str, text: &str) {
        let (x1, x2, at) = (self.x.place(low), self.x.place(high), self.x.place(value));
        self.add(format_args!(
            r#"<g class="{class}"><title>{}</title><line class="range" x1="{x1:.1}" x2="{x2:.1}" y1="{y:.1}" y2="{y:.1}"/><circle cx="{at:.1}" cy="{y:.1}" r="5.5"/></g>"#,
            escape(text)
        ));
    }

    /// A word at a place of the picture, not at a value.
    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.add(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text)));
    }

    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>");
        self.svg
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(element);
    }
}
