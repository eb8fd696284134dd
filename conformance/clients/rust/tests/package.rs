//! What the suite cannot ask of a program: what users of the crate see.

use std::fs::{self, File};
use std::path::PathBuf;
use streamckpt::{read, read_flax, Error, Leaf};

/// A file with these bytes, for one test.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("streamckpt-{}-{name}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    path
}

/// One leaf, `a/b`: two uint8, 7 and 9.
const STREAM: &[u8] = b"\x92\x92\xa1a\xa1b\xc4\x10\xc7\x0d\x01\x93\x91\x02\xa5uint8\xc4\x02\x07\x09";

#[test]
fn an_array_says_where_its_payload_is() {
    let path = file("array", STREAM);
    let checkpoint = read(&path).unwrap();
    let (key, leaf) = &checkpoint.leaves[0];
    let array = leaf.array().unwrap();
    assert_eq!(key.to_string(), "a/b");
    assert_eq!((array.dtype.tag, array.dtype.width, array.shape.as_slice()), ("uint8", 1, [2].as_slice()));
    assert_eq!(array.payload(&mut File::open(&path).unwrap()).unwrap(), [7, 9]);
    assert!(checkpoint.seal.is_none());
    fs::remove_file(path).unwrap();
}

#[test]
fn the_pieces_of_a_chunked_array_are_read_in_their_order() {
    let chunk =
        |n: u8, byte: u8| [b"\xa1".as_slice(), &[n], b"\xc7\x0c\x01\x93\x91\x01\xa5uint8\xc4\x01", &[byte]].concat();
    let head = b"\x83\xb9__msgpack_chunked_array__\xc3\xa5shape\x81\xa10\x02\xa6chunks\x82";
    let leaf = [head.as_slice(), &chunk(b'0', 7), &chunk(b'1', 9)].concat();
    let path = file("chunked", &[b"\x92\x91\xa1a\xc4", [leaf.len() as u8].as_slice(), &leaf].concat());
    let checkpoint = read(&path).unwrap();
    let array = checkpoint.leaves[0].1.array().unwrap();
    assert_eq!(array.pieces.len(), 2);
    assert_eq!(array.payload(&mut File::open(&path).unwrap()).unwrap(), [7, 9]);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_text_says_where_it_is() {
    let path = file("text", b"\x92\x91\xa1a\xc4\x03\xa2hi");
    let checkpoint = read(&path).unwrap();
    let Leaf::Str(text) = &checkpoint.leaves[0].1 else { panic!("not a str") };
    assert_eq!((text.at, text.length), (7, 2));
    fs::remove_file(path).unwrap();
}

#[test]
fn a_flax_file_is_read() {
    let path = file("flax", b"\x81\xa1a\x81\xa1b\x05");
    let checkpoint = read_flax(&path).unwrap();
    assert_eq!(checkpoint.leaves[0].0.to_string(), "a/b");
    assert!(matches!(checkpoint.leaves[0].1, Leaf::Int(5)));
    fs::remove_file(path).unwrap();
}

#[test]
fn an_error_says_clause_offset_and_leaf() {
    let path = file("cut", &STREAM[..STREAM.len() - 1]);
    let Err(error) = read(&path) else { panic!("a file that is cut off is read") };
    assert_eq!(error.to_string(), "STREAM-2: the input ends too early, at offset 6, in a/b");
    assert!(matches!(error, Error::Refused(refusal) if refusal.clause == Some("STREAM-2")));
    fs::remove_file(path).unwrap();
}
