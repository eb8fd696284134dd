//! Saves two leaves as a sealed stream, and reads them back: cargo run --example save FILE
use streamckpt::{read, write, Format, NewLeaf, Settings};

fn main() -> Result<(), streamckpt::Error> {
    let file = std::env::args_os().nth(1).unwrap_or("weights".into());
    let bias = [1.0f32, 2.0].iter().flat_map(|element| element.to_le_bytes()).collect();
    let leaves = [(["params", "bias"], NewLeaf::ndarray("float32", &[2], bias)), (["state", "step"], NewLeaf::Int(7))];
    write(&file, leaves, &Format::Sealed(Settings::default()))?;
    read(file)?.leaves.iter().for_each(|(path, leaf)| println!("{path} {}", leaf.kind()));
    Ok(())
}
