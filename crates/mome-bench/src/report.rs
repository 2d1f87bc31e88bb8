//! The results as tables, in Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use crate::contender::{Device, Engine};
use crate::suite::Measured;

/// What was run on what: one line for each part of the machine and each program.
pub fn machine(measured: &[Measured]) -> Vec<String> {
    let mut lines = vec![processor()];
    let gpus = measured.iter().filter(|result| result.engine == Engine::Mome);
    let gpus = gpus.filter(|result| matches!(result.device, Device::Gpu | Device::Swiftshader));
    let gpus =
        gpus.filter_map(|result| Some(format!("{}: {}", result.device, result.record.device.as_ref()?)));
    let versions = measured.iter().filter_map(|result| result.record.version.clone());
    lines.extend(gpus.chain(versions).collect::<BTreeSet<_>>());
    lines
}

/// The processor, in a line.
pub fn processor() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or(std::env::consts::ARCH, |(_, name)| name);
    format!("CPU: {name}, {threads} hardware threads, {}", std::env::consts::OS)
}

/// One table for each model.
pub fn tables(measured: &[Measured]) -> String {
    let mut text = String::new();
    let same_model = |a: &Measured, b: &Measured| (&a.shape, a.quantization) == (&b.shape, b.quantization);
    for results in measured.chunk_by(same_model) {
        let _ = writeln!(text, "\n{} {}\n", results[0].shape, results[0].quantization);
        text.push_str(
            "| device | engine | prefill, tokens/s | decode, tokens/s | of the matvec bound | first token, s | peak, MiB | decode of Mome |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for result in results {
            text.push_str(&row(result, results));
        }
        let notes = results.iter().filter_map(|result| Some((result, result.record.note.as_ref()?)));
        let notes: Vec<String> =
            notes.map(|(result, note)| format!("{} on {}: {note}.", result.engine, result.device)).collect();
        if !notes.is_empty() {
            let _ = writeln!(text, "\n{}", notes.join(" "));
        }
    }
    text
}

fn row(result: &Measured, all: &[Measured]) -> String {
    let record = &result.record;
    let cell = |value: Option<f64>| value.map_or_else(String::new, significant);
    let ratio = (result.engine != Engine::Mome)
        .then(|| ratio(all, result, |record| record.decode_tokens_per_second))
        .flatten();
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
        result.device,
        result.engine,
        cell(record.prefill_tokens_per_second),
        cell(record.decode_tokens_per_second),
        record.matvec_share().map_or_else(String::new, |share| format!("{:.0} %", 100.0 * share)),
        record.first_token_seconds.map_or_else(String::new, |seconds| format!("{seconds:.2}")),
        record
            .peak_bytes
            .map_or_else(String::new, |bytes| format!("{:.0}", bytes as f64 / f64::from(1 << 20))),
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}x")),
    )
}

/// Three significant digits, or all before the point.
pub fn significant(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// How many times as fast Mome is as the engine of `rival`, with the same model on the same device.
fn ratio(
    all: &[Measured],
    rival: &Measured,
    rate: impl Fn(&crate::record::Record) -> Option<f64>,
) -> Option<f64> {
    let same = |result: &&Measured| {
        (&result.shape, result.quantization, result.device)
            == (&rival.shape, rival.quantization, rival.device)
    };
    let mome = all.iter().filter(same).find(|result| result.engine == Engine::Mome)?;
    Some(rate(&mome.record)? / rate(&rival.record)?)
}

/// What the project aims at, and what came out.
pub fn targets(measured: &[Measured]) -> String {
    let mut text = String::from("\n| target | least | median | met |\n| --- | ---: | ---: | --- |\n");
    for target in TARGETS {
        let mut values: Vec<f64> =
            measured.iter().filter_map(|result| target.value(result, measured)).collect();
        values.sort_by(f64::total_cmp);
        let (least, median, met) = match (values.first(), values.get(values.len() / 2)) {
            (Some(least), Some(median)) => {
                let met = values.iter().filter(|value| **value >= target.at_least).count();
                (significant(*least), significant(*median), format!("{met} of {}", values.len()))
            }
            _ => (String::new(), String::new(), "not measured".to_owned()),
        };
        let _ = writeln!(text, "| {} | {least} | {median} | {met} |", target.text);
    }
    text
}

/// A number that is to reach a value with each of some models.
struct Target {
    text: &'static str,
    devices: &'static [Device],
    /// The widths of the models that it is about.
    widths: &'static [usize],
    of: Quantity,
    at_least: f64,
}

enum Quantity {
    /// Mome's rate of decoding, by that of this engine.
    Decode(Engine),
    /// Mome's rate of prefill, by that of this engine.
    Prefill(Engine),
    /// The part of a decoded token's time that is its matrix products.
    MatvecShare,
}

const TARGETS: [Target; 5] = [
    Target {
        text: "Chromium WebGPU, decode, width 256: 20 times transformers.js",
        devices: &[Device::ChromiumGpu],
        widths: &[256],
        of: Quantity::Decode(Engine::TransformersJs),
        at_least: 20.0,
    },
    Target {
        text: "Chromium CPU, decode, widths 256 to 1024: 1.2 times wllama on one thread",
        devices: &[Device::ChromiumCpu],
        widths: &[256, 512, 1024],
        of: Quantity::Decode(Engine::Wllama),
        at_least: 1.2,
    },
    Target {
        text: "CPU, one thread, decode: as fast as llama.cpp",
        devices: &[Device::Cpu1],
        widths: &[256, 512, 1024, 576],
        of: Quantity::Decode(Engine::LlamaCpp),
        at_least: 1.0,
    },
    Target {
        text: "CPU, prefill: 0.7 times llama.cpp",
        devices: &[Device::Cpu1, Device::Cpu2],
        widths: &[256, 512, 1024, 576],
        of: Quantity::Prefill(Engine::LlamaCpp),
        at_least: 0.7,
    },
    Target {
        text: "GPU, decode, width 576: 0.6 of the matvec bound",
        devices: &[Device::Gpu],
        widths: &[576],
        of: Quantity::MatvecShare,
        at_least: 0.6,
    },
];

impl Target {
    /// What a result says about the target, where it does: ratios are taken at the rival's result.
    fn value(&self, result: &Measured, all: &[Measured]) -> Option<f64> {
        let width = result.shape.split('/').next()?.parse().ok()?;
        if !self.devices.contains(&result.device) || !self.widths.contains(&width) {
            return None;
        }
        match self.of {
            Quantity::Decode(rival) if result.engine == rival => {
                ratio(all, result, |record| record.decode_tokens_per_second)
            }
            Quantity::Prefill(rival) if result.engine == rival => {
                ratio(all, result, |record| record.prefill_tokens_per_second)
            }
            Quantity::MatvecShare => result.record.matvec_share(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::shape::Quantization;

    fn measured(engine: Engine, device: Device, prefill: f64, decode: f64) -> Measured {
        let record = Record {
            prefill_tokens_per_second: Some(prefill),
            decode_tokens_per_second: Some(decode),
            ..Record::default()
        };
        let shape = "256/4/768/4096".to_owned();
        Measured { shape, quantization: Quantization::Q8_0, device, engine, record }
    }

    #[test]
    fn ratios_compare_the_same_device() {
        let results = [
            measured(Engine::Mome, Device::Cpu2, 900.0, 90.0),
            measured(Engine::Mome, Device::Cpu1, 300.0, 60.0),
            measured(Engine::LlamaCpp, Device::Cpu1, 400.0, 40.0),
        ];
        let table = tables(&results);
        assert!(table.contains("| CPU, 1 thread | llama.cpp | 400 | 40.0 |  |  |  | 1.50x |"), "{table}");
        let targets = targets(&results);
        assert!(targets.contains("as fast as llama.cpp | 1.50 | 1.50 | 1 of 1 |"), "{targets}");
        assert!(targets.contains("0.7 times llama.cpp | 0.75 | 0.75 | 1 of 1 |"), "{targets}");
        assert!(targets.contains("20 times transformers.js |  |  | not measured |"), "{targets}");
    }
}
