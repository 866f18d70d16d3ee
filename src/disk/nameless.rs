//! A file without a name: whoever is killed, nothing of it is left.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::OFlags;

use super::backoff;
use crate::model::digest;

/// Makes an empty one, 0600, on the file system of `temp`. It is gone when the last descriptor is.
pub fn nameless(temp: &Path) -> Result<File> {
    let path = temp.join(format!("trace-{}", digest::hex(&backoff::random::<8>())));
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(&path).with_context(|| format!("make the temporary file {}", path.display()))?;
    std::fs::remove_file(&path).with_context(|| format!("unname {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{FileExt, MetadataExt};

    #[test]
    fn it_is_a_private_plain_file_that_nobody_finds() {
        let dir = std::env::temp_dir().join(format!("t-{}", digest::hex(&backoff::random::<8>())));
        std::fs::create_dir(&dir).unwrap();
        let mut file = nameless(&dir).unwrap();
        file.write_all(b"text").unwrap();
        let (meta, mut read) = (file.metadata().unwrap(), [0; 4]);
        file.read_exact_at(&mut read, 0).unwrap();
        assert_eq!((meta.is_file(), meta.mode() & 0o777, meta.nlink(), &read), (true, 0o600, 0, b"text"));
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        std::fs::remove_dir(&dir).unwrap();
    }
}
