//! Plots of an evaluation, as SVG files that follow the reader's light or dark scheme.

use std::fmt::Write;

use mome_build::Metrics;

/// Side of the plotted square, and the room around it for labels, in pixels.
const SIDE: f64 = 320.0;
const MARGIN: f64 = 56.0;

/// Colours and type.
const STYLE: &str = "<style>
  svg { font: 12px system-ui, sans-serif; color: #1b1f24; background: #fff }
  .frame, .grid { stroke: currentColor; fill: none } .grid { opacity: 0.15 }
  .curve { stroke: #0b62d6; fill: none; stroke-width: 2 } .dot { fill: #0b62d6 }
  .ideal { stroke: currentColor; stroke-dasharray: 4 4; opacity: 0.5 } .interval { stroke: #0b62d6; opacity: 0.6 }
  text { fill: currentColor } .title { font-weight: 600; font-size: 14px }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6e8eb; background: #15181c } .curve, .interval { stroke: #6cb2ff } .dot { fill: #6cb2ff }
  }
</style>";

/// Share of the answers that are wrong against share of the questions answered.
pub(crate) fn risk_coverage(metrics: &Metrics) -> String {
    let worst = metrics.risk_coverage.iter().map(|point| point.risk).fold(0.0, f64::max);
    let mut plot = Plot::new("Risk and coverage", "share answered", "share wrong", nice_limit(worst));
    let points: Vec<(f64, f64)> =
        metrics.risk_coverage.iter().map(|point| (point.coverage, point.risk)).collect();
    plot.curve(&points);
    plot.finish()
}

/// Share of right candidates against confidence, with 95 % intervals; on the diagonal confidences are true.
pub(crate) fn reliability(metrics: &Metrics) -> String {
    let mut plot = Plot::new("Reliability", "confidence", "share right", 1.0);
    plot.line("ideal", (0.0, 0.0), (1.0, 1.0));
    let bins: Vec<_> = metrics.reliability.iter().filter(|bin| bin.questions > 0).collect();
    for bin in &bins {
        plot.line("interval", (bin.confidence, bin.right.low), (bin.confidence, bin.right.high));
        plot.dot((bin.confidence, bin.right.share), &format!("{} questions", bin.questions));
    }
    plot.curve(&bins.iter().map(|bin| (bin.confidence, bin.right.share)).collect::<Vec<_>>());
    plot.finish()
}

/// The least round number above `value` that makes an axis.
fn nice_limit(value: f64) -> f64 {
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].into_iter().find(|limit| value <= *limit).unwrap_or(1.0)
}

/// A square plot: x from 0 to 1, y from 0 to a limit.
struct Plot {
    svg: String,
    y_limit: f64,
}

impl Plot {
    fn new(title: &str, x_label: &str, y_label: &str, y_limit: f64) -> Self {
        let size = SIDE + 2.0 * MARGIN;
        let mut plot = Self { svg: String::new(), y_limit };
        plot.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" role=\"img\" \
             aria-label=\"{title}: {y_label} against {x_label}\">\n{STYLE}"
        ));
        for step in 0..=5 {
            let share = f64::from(step) / 5.0;
            let (x, y) = plot.place((share, share * y_limit));
            let (bottom, right) = (MARGIN + SIDE, MARGIN + SIDE);
            plot.add(format_args!(
                "<path class=\"grid\" d=\"M{x} {MARGIN}V{bottom}M{MARGIN} {y}H{right}\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{share:.1}</text>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                bottom + 18.0,
                MARGIN - 8.0,
                y + 4.0,
                (share * y_limit * 1000.0).round() / 1000.0,
            ));
        }
        let middle = MARGIN + SIDE / 2.0;
        plot.add(format_args!(
            "<rect class=\"frame\" x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{SIDE}\" height=\"{SIDE}\"/>\
             <text class=\"title\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{title}</text>\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{x_label}</text>\
             <text transform=\"translate(14 {middle}) rotate(-90)\" text-anchor=\"middle\">{y_label}</text>",
            MARGIN - 20.0,
            MARGIN + SIDE + 40.0,
        ));
        plot
    }

    /// Where a point lies in the picture.
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        (round(MARGIN + SIDE * x), round(MARGIN + SIDE * (1.0 - y / self.y_limit)))
    }

    fn curve(&mut self, points: &[(f64, f64)]) {
        let placed: Vec<String> =
            points.iter().map(|&point| self.place(point)).map(|(x, y)| format!("{x},{y}")).collect();
        self.add(format_args!("<polyline class=\"curve\" points=\"{}\"/>", placed.join(" ")));
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (self.place(from), self.place(to));
        self.add(format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
    }

    fn dot(&mut self, at: (f64, f64), title: &str) {
        let (x, y) = self.place(at);
        self.add(format_args!(
            "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"4\"><title>{title}</title></circle>"
        ));
    }

    fn add(&mut self, part: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.svg, "{part}");
    }

    fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}
