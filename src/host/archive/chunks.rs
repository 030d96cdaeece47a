//! Files as bodies of requests: read piece by piece, so that their size does not matter.

use std::fs::File;
use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;

/// A file from its beginning.
pub fn of(file: File) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let begun = async move {
        let mut file = tokio::fs::File::from_std(file);
        file.rewind().await.map(|_| file)
    };
    stream::once(begun).flat_map(|file| match file {
        Ok(file) => rest(file).boxed(),
        Err(error) => stream::once(async { Err(error) }).boxed(),
    })
}

/// Bytes, then a file from its beginning, then bytes.
pub fn between(before: Vec<u8>, file: File, after: Vec<u8>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let one = |bytes: Vec<u8>| stream::once(async { Ok(Bytes::from(bytes)) });
    one(before).chain(of(file)).chain(one(after))
}

fn rest(file: tokio::fs::File) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let many = file.read(&mut piece).await?;
        piece.truncate(many);
        Ok((many > 0).then(|| (Bytes::from(piece), file)))
    })
}
