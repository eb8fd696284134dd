//! Lists the leaves of a checkpoint: cargo run --example list FILE
fn main() -> Result<(), streamckpt::Error> {
    let file = std::env::args_os().nth(1).unwrap_or("-".into());
    for (path, leaf) in streamckpt::read(file)?.leaves {
        match leaf.array() {
            Some(array) => println!("{path} {} {:?}", array.dtype.tag, array.shape),
            None => println!("{path} {}", leaf.kind()),
        }
    }
    Ok(())
}
