//! An archive that the kernel unpacks as its first file system: cpio, format "newc"
//! (Documentation/driver-api/early-userspace/buffer-format.rst). Pure: it reads no files.

use std::collections::BTreeSet;

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DEVICE: u32 = 0o020_600;

/// An archive that grows. Folders on the way to a file are made by themselves.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    had: BTreeSet<String>,
    inode: u32,
}

impl Archive {
    /// An empty folder.
    pub(super) fn folder(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
        if self.had.insert(path.to_owned()) {
            self.entry(path, FOLDER, (0, 0), &[]);
        }
    }

    /// A file that may be executed. The first one at a place stays.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
        if self.had.insert(path.to_owned()) {
            self.entry(path, PROGRAM, (0, 0), content);
        }
    }

    /// The kernel's console, which the first process has before any device file system is mounted.
    pub(super) fn console(&mut self, path: &str) {
        self.entry(path, DEVICE, (5, 1), &[]);
    }

    /// The archive's bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inode += 1;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor,
        // namesize (with its zero byte), check.
        let fields = [
            self.inode,
            mode,
            0,
            0,
            1,
            0,
            length(content.len()),
            0,
            0,
            device.0,
            device.1,
            length(name.len() + 1),
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them_and_once() {
        let mut archive = Archive::default();
        archive.file("a/b/c", b"12345");
        archive.file("a/b/d", b"");
        archive.file("a/b/d", b"not taken");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        let place = |name: &str| text.find(&format!("{name}\0")).unwrap();
        assert!(place("a/b") < place("a/b/c") && place("a/b/c") < place("a/b/d"));
        assert_eq!(text.matches("070701").count(), 5);
        assert!(!text.contains("not taken"));
        assert!(text.contains("12345\0\0\x00070701"));
    }
}
