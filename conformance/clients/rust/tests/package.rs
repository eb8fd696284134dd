//! What the suite cannot ask of a program: what users of the crate see.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use streamckpt::{read, read_flax, write, Error, Format, Leaf, NewLeaf, Settings};

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

/// One leaf of each kind, and the key paths in the order in which they are written.
fn every_kind() -> Vec<([&'static str; 2], NewLeaf)> {
    vec![
        (["a", "array"], NewLeaf::ndarray("uint16", &[2, 1], vec![1, 0, 2, 0])),
        (["a", "bin"], NewLeaf::Bin(vec![7, 9])),
        (["b", "bool"], NewLeaf::Bool(true)),
        (["b", "complex"], NewLeaf::Complex(1.0, -0.0)),
        (["b", "empty"], NewLeaf::Empty),
        (["b", "float"], NewLeaf::Float(0.5)),
        (["b", "int"], NewLeaf::Int(u64::MAX.into())),
        (["b", "nil"], NewLeaf::Nil),
        (["b", "scalar"], NewLeaf::scalar("int4", vec![0xff])),
        (["b", "str"], NewLeaf::Str("hi".into())),
    ]
}

/// What is read of a file: each leaf as text.
fn told(path: &OsStr, leaves: &[(streamckpt::KeyPath, Leaf)]) -> Vec<String> {
    let mut bytes = File::open(path).unwrap();
    let mut value = |leaf: &Leaf| match leaf {
        Leaf::Ndarray(array) | Leaf::Scalar(array) => {
            format!("{} {:?} {:?}", array.dtype.tag, array.shape, array.payload(&mut bytes).unwrap())
        }
        Leaf::Complex(real, imaginary) => format!("{:?} {:?}", f64::from_bits(*real), f64::from_bits(*imaginary)),
        Leaf::Bool(value) => value.to_string(),
        Leaf::Int(value) => value.to_string(),
        Leaf::Float(bits) => f64::from_bits(*bits).to_string(),
        Leaf::Str(text) => text.length.to_string(),
        Leaf::Bin(bytes) => bytes.length.to_string(),
        Leaf::Nil | Leaf::Empty => String::new(),
    };
    leaves.iter().map(|(path, leaf)| format!("{path} {} {}", leaf.kind(), value(leaf))).collect()
}

const EVERY_KIND: [&str; 10] = [
    "a/array ndarray uint16 [2, 1] [1, 0, 2, 0]",
    "a/bin bin 2",
    "b/bool bool true",
    "b/complex complex 1.0 -0.0",
    "b/empty empty ",
    "b/float float 0.5",
    "b/int int 18446744073709551615",
    "b/nil nil ",
    "b/scalar scalar int4 [] [15]",
    "b/str str 2",
];

#[test]
fn a_plain_stream_has_the_bytes_that_the_clauses_give() {
    let path = file("plain", b"");
    write(&path, [(["a", "b"], NewLeaf::ndarray("uint8", &[2], vec![7, 9]))], &Format::Plain).unwrap();
    assert_eq!(fs::read(&path).unwrap(), STREAM);
    fs::remove_file(path).unwrap();
}

#[test]
fn leaves_of_every_kind_are_read_as_they_were_written() {
    let path = file("every-kind", b"");
    write(&path, every_kind(), &Format::Plain).unwrap();
    assert_eq!(told(path.as_os_str(), &read(&path).unwrap().leaves), EVERY_KIND);
    write(&path, every_kind(), &Format::Flax).unwrap();
    assert_eq!(told(path.as_os_str(), &read_flax(&path).unwrap().leaves), EVERY_KIND);
    let settings = Settings { alignment: 128, has_digests: true, metadata: b"\x81\xa4step\x07".to_vec() };
    write(&path, every_kind(), &Format::Sealed(settings)).unwrap();
    let checkpoint = read(&path).unwrap();
    assert_eq!(told(path.as_os_str(), &checkpoint.leaves), EVERY_KIND);
    let seal = checkpoint.seal.unwrap();
    assert_eq!((seal.alignment, seal.metadata.as_slice()), (128, b"\x81\xa4step\x07".as_slice()));
    assert_eq!(seal.digests.unwrap().len(), 32 * (EVERY_KIND.len() + 1));
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_refused_leaves_the_file_before_it_and_nothing_beside_it() {
    let folder = std::env::temp_dir().join(format!("streamckpt-{}-folder", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let path = folder.join("weights");
    fs::write(&path, b"before").unwrap();
    let refused =
        |leaves: Vec<(Vec<&str>, NewLeaf)>, format: Format| write(&path, leaves, &format).unwrap_err().to_string();
    let sealed = |alignment, metadata: &[u8]| {
        Format::Sealed(Settings { alignment, has_digests: false, metadata: metadata.to_vec() })
    };
    let array = |tag: &str, n| NewLeaf::ndarray(tag, &[2], vec![0; n]);
    for (error, leaves, format) in [
        ("STREAM-3: the tree has no leaf to write", vec![], Format::Plain),
        ("KEY-1: the key path has no part", vec![(vec![], NewLeaf::Nil)], Format::Plain),
        (
            "DTYPE-7: the type of the array has no tag, at offset 0, in a",
            vec![(vec!["a"], array("f4", 8))],
            Format::Plain,
        ),
        ("LEAF-5: the payload is not as long", vec![(vec!["a"], array("float32", 7))], Format::Plain),
        ("LEAF-1: the int is not one of", vec![(vec!["a"], NewLeaf::Int(1 << 64))], Format::Plain),
        (
            "STREAM-5: an earlier key path is the beginning of this one, at offset 0, in a/b",
            vec![(vec!["a"], NewLeaf::Nil), (vec!["a", "b"], NewLeaf::Nil)],
            Format::Plain,
        ),
        ("FLAX-3: ", vec![(vec!["__msgpack_chunked_array__"], NewLeaf::Nil)], Format::Flax),
        ("PART-3: ", vec![(vec!["__part_0_of_1__"], NewLeaf::Nil)], sealed(64, b"\x80")),
        ("ALIGN-5: ", vec![(vec!["a"], NewLeaf::Nil)], sealed(63, b"\x80")),
        ("META-1: the metadata is not a map", vec![(vec!["a"], NewLeaf::Nil)], sealed(64, b"\x07")),
        ("META-1: bytes follow the metadata", vec![(vec!["a"], NewLeaf::Nil)], sealed(64, b"\x80\x80")),
    ] {
        let found = refused(leaves, format);
        assert!(found.starts_with(error), "{found}, and not {error}");
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
    fs::remove_dir_all(folder).unwrap();
}
