//! The program that the conformance suite judges:
//!
//! ```text
//! client decode [PATH]         a stream, sealed or plain; a plain one with PATH.seal, where that is there
//! client flax-decode [PATH]    a standard flax file
//! client encode                a stream, sealed or plain, from the JSON of the protocol
//! client flax-encode           a standard flax file, likewise
//! ```
//!
//! Without PATH, or where it is `-`, a decoder reads standard input. It prints what the input holds as JSON once the
//! whole input has been checked, and exits with 0; for an input that is refused it exits with 1, and the last
//! line of standard error says why. Any other status is a failure that says nothing of the input. An encoder reads
//! standard input, writes nothing before all of it has been checked, and ends likewise. It holds each payload once, and a
//! `fill` as the bytes that are repeated.

use crate::*;

fn decode(path: &OsStr) -> Result<()> {
    match read_any(path)? {
        Checked::Sealed(stream, index) => stream.print(index),
        Checked::Plain(records) => print_records(records.iter().map(|(path, leaf)| (Cow::Borrowed(path), leaf))),
    }
}

fn decode_flax(path: &OsStr) -> Result<()> {
    let leaves = read_map(&mut Input::open(path, "FLAX-6")?)?;
    print_records(leaves.iter().map(|(key, leaf)| (Cow::Owned(key.path()), leaf)))
}

fn encode() -> Result<()> {
    let asked = asked::read_asked(Input::open(OsStr::new("-"), "")?)?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    match asked.settings {
        Some(settings) => write_sealed::write(&asked.tree, &settings, &mut out),
        None => write::write_stream(&asked.tree, &mut out),
    }
}

fn encode_flax() -> Result<()> {
    let asked = asked::read_asked(Input::open(OsStr::new("-"), "")?)?;
    write::write_flax(&asked.tree, &mut BufWriter::with_capacity(BUFFER, io::stdout().lock()))
}

/// What the program does with its arguments.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let path = arguments.get(1).map_or(OsStr::new("-"), OsString::as_os_str);
    let outcome = match arguments.first().and_then(|part| part.to_str()) {
        Some("decode") if arguments.len() <= 2 => decode(path),
        Some("flax-decode") if arguments.len() <= 2 => decode_flax(path),
        Some("encode") if arguments.len() == 1 => encode(),
        Some("flax-encode") if arguments.len() == 1 => encode_flax(),
        _ => {
            eprintln!("usage: client decode|flax-decode [PATH], or client encode|flax-encode");
            return ExitCode::from(2);
        }
    };
    let failure = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Error::Refused(refusal)) => match print_refusal(&refusal) {
            Ok(()) => return ExitCode::from(1),
            Err(error) => error,
        },
        Err(Error::Io(error)) => error,
    };
    eprintln!("{}: {failure}", path.to_string_lossy());
    ExitCode::from(3)
}
