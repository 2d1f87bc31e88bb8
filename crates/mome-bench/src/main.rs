//! The bench.
mod gguf;
mod model;
mod shape;
mod vocabulary;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let q = if a[2]=="q8_0" {shape::Quantisation::Q8_0} else {shape::Quantisation::Q4_0};
    model::write(a[3].as_ref(), a[1].parse().unwrap(), q, 1).unwrap();
}
