//! Asks a server whether it answers: a connection that is begun, and left once it is asked for a password.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::settings::SUPERUSER;

/// How long an answer may take before the question is put again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the server on a socket takes the superuser's connections. While it recovers it answers with an error.
pub(crate) fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&startup_message())?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        Ok(kind.into_iter().next().unwrap_or_default())
    };
    // `R` is a request for authentication.
    ask().is_ok_and(|kind| kind == b'R')
}

/// The first message of protocol 3.0: its length, the version, names and values, and a zero.
fn startup_message() -> Vec<u8> {
    let mut body = 0x0003_0000_u32.to_be_bytes().to_vec();
    for word in ["user", SUPERUSER, "database", "postgres", ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_says_its_length() {
        let message = startup_message();
        assert_eq!(message[..8], [0, 0, 0, u8::try_from(message.len()).unwrap(), 0, 3, 0, 0]);
        assert!(message.ends_with(b"database\0postgres\0\0"));
    }

    #[test]
    fn nobody_answers_where_nothing_listens() {
        assert!(!answers(Path::new("/nowhere/.s.PGSQL.5432")));
    }
}
