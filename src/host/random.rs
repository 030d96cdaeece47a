//! Random numbers of the kernel.

use crate::error::{Error, Kind, Result};

/// Random bytes.
pub fn bytes(many: usize) -> Result<Vec<u8>> {
    let mut buffer = vec![0; many];
    let mut filled = 0;
    while filled < many {
        filled += rustix::rand::getrandom(&mut buffer[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::message(Kind::Failed, format!("no random numbers: {error}")))?;
    }
    Ok(buffer)
}

/// A random text: so many bytes, in hex.
pub fn text(bytes: usize) -> Result<String> {
    self::bytes(bytes).map(hex::encode)
}
