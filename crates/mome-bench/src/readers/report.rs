//! The readers' results as tables, in Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Measured;
use crate::contender::{Device, Engine};
use crate::report::{processor, significant};

/// What was run on what: one line for the processor and for each program.
pub fn machine(measured: &[Measured]) -> Vec<String> {
    let versions: BTreeSet<String> =
        measured.iter().filter_map(|result| result.record.version.clone()).collect();
    std::iter::once(processor()).chain(versions).collect()
}

/// One row for each engine on a device.
pub fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "\n| device | engine | model | reading, ms | judging, ms | judging by reading | reading of Mome | cosine with Mome |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for result in measured {
        let record = &result.record;
        let cell = |value: Option<f64>| value.map_or_else(String::new, significant);
        let (reading, judging) = (record.read_seconds, record.judge_seconds);
        let mome = mome(measured, result.device).filter(|_| result.engine != Engine::Mome);
        let ratio = mome.and_then(|mome| Some(reading? / mome.record.read_seconds?));
        let cosine = mome.and_then(|mome| record.cosine(&mome.record));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            result.device,
            result.engine,
            result.weights,
            cell(reading.map(milliseconds)),
            cell(judging.map(milliseconds)),
            cell(by_reading(result)),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}x")),
            cosine.map_or_else(String::new, |cosine| format!("{cosine:.4}")),
        );
    }
    let notes = measured.iter().filter_map(|result| Some((result, result.record.note.as_ref()?)));
    let notes: Vec<String> = notes
        .map(|(result, note)| format!("{}, {}, on {}: {note}.", result.engine, result.weights, result.device))
        .collect();
    if !notes.is_empty() {
        let _ = writeln!(text, "\n{}", notes.join(" "));
    }
    text
}

/// What the project aims at, and what came out.
pub fn targets(measured: &[Measured]) -> String {
    let mut text = String::from("\n| target | reached | met |\n| --- | ---: | --- |\n");
    for Target { text: target, reached, limit } in all_targets(measured) {
        let met = match (reached, limit) {
            (None, _) => "not measured",
            (Some(value), Limit::AtMost(most)) if value <= most => "yes",
            (Some(value), Limit::AtLeast(least)) if value >= least => "yes",
            _ => "no",
        };
        let reached = reached.map_or_else(String::new, significant);
        let _ = writeln!(text, "| {target} | {reached} | {met} |");
    }
    text
}

/// A number that is to keep a limit.
struct Target {
    text: &'static str,
    /// `None` where it was not measured.
    reached: Option<f64>,
    limit: Limit,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

fn all_targets(measured: &[Measured]) -> [Target; 5] {
    let native = mome(measured, Device::Cpu1);
    let page = mome(measured, Device::ChromiumCpu);
    [
        Target {
            text: "CPU, one thread, reading: at most 8 ms",
            reached: native.and_then(|mome| mome.record.read_seconds).map(milliseconds),
            limit: Limit::AtMost(8.0),
        },
        Target {
            text: "CPU, one thread, reading: as fast as llama.cpp",
            reached: speed(measured, native, Engine::LlamaCpp),
            limit: Limit::AtLeast(1.0),
        },
        Target {
            text: "CPU, one thread, judging: at most 6.5 times reading",
            reached: native.and_then(by_reading),
            limit: Limit::AtMost(6.5),
        },
        Target {
            text: "Chromium CPU, reading: as fast as transformers.js with its faster file",
            reached: speed(measured, page, Engine::TransformersJs),
            limit: Limit::AtLeast(1.0),
        },
        Target {
            text: "Chromium CPU, judging: at most 200 ms",
            reached: page.and_then(|mome| mome.record.judge_seconds).map(milliseconds),
            limit: Limit::AtMost(200.0),
        },
    ]
}

/// What Mome did on a device.
fn mome(measured: &[Measured], device: Device) -> Option<&Measured> {
    measured.iter().find(|result| (result.device, result.engine) == (device, Engine::Mome))
}

/// How many times as fast as a rival Mome reads, where the rival has its fastest file.
fn speed(measured: &[Measured], mome: Option<&Measured>, rival: Engine) -> Option<f64> {
    let mome = mome?;
    let rivals = measured.iter().filter(|result| (result.device, result.engine) == (mome.device, rival));
    let fastest = rivals.filter_map(|result| result.record.read_seconds).reduce(f64::min)?;
    Some(fastest / mome.record.read_seconds?)
}

/// How many times as long as reading judging takes.
fn by_reading(result: &Measured) -> Option<f64> {
    Some(result.record.judge_seconds? / result.record.read_seconds?)
}

fn milliseconds(seconds: f64) -> f64 {
    1e3 * seconds
}

#[cfg(test)]
mod tests {
    use super::super::{Record, Weights};
    use super::*;

    fn measured(device: Device, engine: Engine, weights: Weights, read: f64, judge: Option<f64>) -> Measured {
        let record = Record {
            read_seconds: Some(read),
            judge_seconds: judge,
            embedding: vec![1.0, 0.0],
            ..Record::default()
        };
        Measured { device, engine, weights, record }
    }

    #[test]
    fn engines_are_compared_on_their_device() {
        let results = [
            measured(Device::Cpu1, Engine::Mome, Weights::Gguf, 0.010, Some(0.060)),
            measured(Device::Cpu1, Engine::LlamaCpp, Weights::Gguf, 0.009, None),
            measured(Device::ChromiumCpu, Engine::Mome, Weights::Gguf, 0.020, Some(0.150)),
            measured(Device::ChromiumCpu, Engine::TransformersJs, Weights::OnnxBlocks, 0.050, None),
            measured(Device::ChromiumCpu, Engine::TransformersJs, Weights::OnnxRows, 0.030, None),
        ];
        let table = table(&results);
        assert!(
            table.contains("| CPU, 1 thread | Mome | GGUF, Q8_0 | 10.0 | 60.0 | 6.00 |  |  |"),
            "{table}"
        );
        assert!(table.contains("| llama.cpp | GGUF, Q8_0 | 9.00 |  |  | 0.90x | 1.0000 |"), "{table}");
        assert!(table.contains("| ONNX, MatMulNBits | 50.0 |  |  | 2.50x | 1.0000 |"), "{table}");
        let targets = targets(&results);
        assert!(targets.contains("at most 8 ms | 10.0 | no |"), "{targets}");
        assert!(targets.contains("as fast as llama.cpp | 0.90 | no |"), "{targets}");
        assert!(targets.contains("6.5 times reading | 6.00 | yes |"), "{targets}");
        assert!(targets.contains("with its faster file | 1.50 | yes |"), "{targets}");
        assert!(targets.contains("at most 200 ms | 150 | yes |"), "{targets}");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let targets = targets(&[measured(Device::Cpu1, Engine::Mome, Weights::Gguf, 0.002, None)]);
        assert_eq!(targets.matches("not measured").count(), 4, "{targets}");
    }
}
