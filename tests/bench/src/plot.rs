//! The plot: times over numbers of items, both on logarithmic scales, as a hand-written SVG. A library is not needed for three
//! lines.

use std::fmt::Write;

use crate::measure::Size;

const LEFT: u64 = 70;
const TOP: u64 = 30;
const DECADE: u64 = 110;

/// The name of a line, its colour, and the nanoseconds it shows.
type Line = (&'static str, &'static str, fn(&Size) -> u64);

/// (a) and (b) over the size of the catalog, and (c) per finished good.
pub fn svg(sizes: &[Size]) -> String {
    // From 1,000 to 100,000 items, and from 100 ns to 1 s.
    let (width, height) = (2 * DECADE + 40, 7 * DECADE * 2 / 3);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"11\">\n",
        LEFT + width + 190,
        TOP + height + 40
    );
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"18\" font-size=\"13\">B7: promises through bills of materials</text>");
    for (power, label) in ["100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"].iter().enumerate() {
        let y = y(10_u64.pow(u32::try_from(power).unwrap_or(0) + 2));
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y}h{width}\" stroke=\"#ddd\"/><text x=\"8\" y=\"{}\">{label}</text>", y + 4);
    }
    for items in [1_000, 10_000, 100_000] {
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{items}</text>", x(items) - 14, TOP + height + 16);
    }
    let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">items</text>", LEFT + width + 10, TOP + height + 16);
    let lines: [Line; 3] = [
        ("(a) everything netted once", "#888", |size| size.netting),
        ("(b) everything solved", "#06c", |size| size.solve),
        ("(c) one change, per good", "#c30", |size| size.changes.first().map_or(0, crate::measure::Change::per_good)),
    ];
    for (name, colour, of) in lines {
        let points: Vec<(u64, u64)> = sizes.iter().map(|size| (x(count(size.items)), y(of(size)))).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", line.join(" "));
        for (x, y) in &points {
            let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
        }
        if let Some((x, y)) = points.last() {
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>", x + 10, y + 4);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn x(items: u64) -> u64 {
    LEFT + 20 + (log(items).saturating_sub(log(1_000))) * DECADE / 1_000
}

fn y(nanoseconds: u64) -> u64 {
    let height = 7 * DECADE * 2 / 3;
    TOP + height - (log(nanoseconds.max(100)) - log(100)).min(7_000) * DECADE * 2 / 3 / 1_000
}

/// The decimal logarithm in thousandths, interpolated linearly between powers of two. This is exact enough for a plot.
fn log(number: u64) -> u64 {
    let number = number.max(1);
    let whole = u64::from(number.ilog2());
    let rest = ((u128::from(number) * 1_000) >> whole) - 1_000;
    (whole * 1_000 + u64::try_from(rest).unwrap_or(0)) * 30_103 / 100_000
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}
