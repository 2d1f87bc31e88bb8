//! Tokens per second on the CPU: `cpu_speed FILE.gguf [THREADS] [SECONDS]`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program to look at speed with")]

use std::time::Instant;

use mome_engine::{CpuOptions, DeviceChoice, Head, OpenOptions, Pass, open};

/// Seconds for which this thread has run: with one thread, what others do on the machine does not count.
fn own_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let file = std::fs::read(&arguments[1]).unwrap();
    let threads = arguments.get(2).and_then(|text| text.parse().ok());
    let seconds: f64 = arguments.get(3).map_or(2.0, |text| text.parse().unwrap());
    let start = Instant::now();
    let options =
        OpenOptions { device: DeviceChoice::Cpu, cpu: CpuOptions { threads }, ..OpenOptions::default() };
    let executor = pollster::block_on(open(&file, options)).unwrap().executor;
    let load = start.elapsed().as_secs_f64();
    let prompt: Vec<u32> = (0..128).map(|at| at * 7 % 250).collect();
    let head = Some(Head { rows: 1, ..Head::default() });
    let clock = Instant::now();
    let now = || if threads == Some(1) { own_seconds() } else { clock.elapsed().as_secs_f64() };
    let (mut prefill, mut decode) = (f64::INFINITY, f64::INFINITY);
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let mut sequence = executor.begin(128).unwrap();
        let begin = now();
        pollster::block_on(sequence.run(Pass { tokens: &prompt, states: &[], head })).unwrap();
        prefill = prefill.min(now() - begin);
        let mut sequence = executor.begin(48).unwrap();
        pollster::block_on(sequence.run(Pass { tokens: &prompt[..16], states: &[], head })).unwrap();
        let begin = now();
        for token in &prompt[..32] {
            pollster::block_on(sequence.run(Pass { tokens: &[*token], states: &[], head })).unwrap();
        }
        decode = decode.min((now() - begin) / 32.0);
    }
    println!(
        "load {load:.3} s, prefill {:.0} tokens/s, decode {:.1} tokens/s",
        128.0 / prefill,
        1.0 / decode
    );
}
