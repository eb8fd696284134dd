//! What is wrong with an input (CONF-5).

use crate::*;

/// What a clause says against the input (CONF-5).
pub struct Refusal {
    /// None where the input of an encoder is not what the protocol says.
    pub clause: Option<&'static str>,
    /// Where in the file; 0 in a refusal of what was to be written.
    pub offset: u64,
    /// In which leaf, where that is known.
    pub path: Option<KeyPath>,
    pub reason: Cow<'static, str>,
}

/// Why a file could not be read.
pub enum Error {
    Refused(Refusal),
    Io(io::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let refusal = match self {
            Error::Refused(refusal) => refusal,
            Error::Io(error) => return error.fmt(f),
        };
        if let Some(clause) = refusal.clause {
            write!(f, "{clause}: ")?;
        }
        write!(f, "{}, at offset {}", refusal.reason, refusal.offset)?;
        refusal.path.as_ref().map_or(Ok(()), |path| write!(f, ", in {path}"))
    }
}

/// As it is displayed, since this is what a `main` prints that returns one.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl Error {
    /// Adds the key path to a refusal that has none yet.
    pub(crate) fn under(mut self, path: impl FnOnce() -> KeyPath) -> Self {
        if let Error::Refused(refusal) = &mut self {
            refusal.path.get_or_insert_with(path);
        }
        self
    }
}

pub(crate) fn refuse<T>(clause: &'static str, offset: u64, reason: impl Into<Cow<'static, str>>) -> Result<T> {
    Err(Error::Refused(Refusal { clause: Some(clause), offset, path: None, reason: reason.into() }))
}

/// Refuses the input unless the clause holds.
pub(crate) fn require(holds: bool, clause: &'static str, offset: u64, reason: &'static str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        refuse(clause, offset, reason)
    }
}
