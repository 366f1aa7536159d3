//! Which kernel a wish stands for, and its image and modules on disk. Each is fetched once; `--refresh`
//! looks again for a newer one.

use std::{
    cmp::Ordering,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{mirror::Mirror, progress};

/// The wish for whatever is newest.
pub(super) const NEWEST: &str = "newest";
/// Debian's kernels for virtual machines: small, and with everything that the trials need.
const SUFFIX: &str = "-cloud-amd64";
const PREFIX: &str = "linux-image-";
/// Newer kernels come in parts: the image and the modules in packages of their own.
const PARTS: [&str; 2] = ["linux-binary-", "linux-modules-"];

/// A kernel on this machine's disk.
pub(super) struct Kernel {
    /// As `uname -r` will say it.
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// The unpacked package, for the modules in it.
    pub(super) folder: PathBuf,
}

/// The newest kernel that fits `wish`, from the cache or the mirror.
///
/// # Errors
/// The mirror has none, or it cannot be fetched.
pub(super) fn get(work: &Path, mirror: &Mirror, wish: &str) -> Result<Kernel> {
    let folder = work.join("kernels").join(wish);
    if !mirror.refresh()
        && let Ok(kernel) = unpacked(&folder)
    {
        return Ok(kernel);
    }
    let names = mirror.packages(PREFIX)?;
    let package = names
        .iter()
        .filter_map(|name| Some((version(name)?, name)))
        .filter(|(version, _)| fits(version, wish))
        .max_by(|(a, _), (b, _)| compare(a, b))
        .map(|(_, name)| name.clone())
        .with_context(|| format!("the mirror has no {PREFIX}{wish}…{SUFFIX}"))?;
    progress(wish, &format!("fetching {package}"));
    // Moved into place when it is whole, so that a run that was interrupted leaves no half a kernel.
    let partial = folder.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    mirror.unpack(&package, &partial)?;
    for part in mirror.depends(&package)? {
        if PARTS.iter().any(|prefix| part.starts_with(prefix)) {
            mirror.unpack(&part, &partial)?;
        }
    }
    unpacked(&partial).with_context(|| package.clone())?;
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&partial, &folder)?;
    unpacked(&folder)
}

/// A kernel that was unpacked to `folder`.
fn unpacked(folder: &Path) -> Result<Kernel> {
    // The usual place, and that of packages which leave /boot to the machine's own tools.
    let mut candidates = Vec::new();
    super::modules::walk(folder, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("vmlinuz") {
            candidates.push(path.to_path_buf());
        }
    })
    .with_context(|| super::shown(folder))?;
    let image = candidates.into_iter().min().context("the package holds no vmlinuz")?;
    let name = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let release = match name.strip_prefix("vmlinuz-") {
        Some(release) => release.to_owned(),
        // Beside its modules: …/modules/RELEASE/vmlinuz.
        None => image
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned())
            .context("a vmlinuz of no release")?,
    };
    Ok(Kernel { release, image, folder: folder.to_path_buf() })
}

/// The version in a package's name; `None` for other flavours, and for names without a version.
fn version(package: &str) -> Option<&str> {
    let version = package.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

/// Whether a version is what was wished for: `6.1` is 6.1.0-50 and not 6.12.
fn fits(version: &str, wish: &str) -> bool {
    let rest = version.strip_prefix(wish);
    wish == NEWEST || rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// By the numbers in them, from left to right.
fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    numbers(a).cmp(&numbers(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_names() {
        assert_eq!(version("linux-image-6.1.0-50-cloud-amd64"), Some("6.1.0-50"));
        assert_eq!(version("linux-image-7.3-cloud-amd64"), Some("7.3"));
        for other in [
            "linux-image-cloud-amd64",
            "linux-image-6.1.0-50-amd64",
            "linux-image-6.1.0-50-cloud-amd64-unsigned",
            "linux-image-6.1.0-50-cloud-amd64-dbg",
        ] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn a_wish_is_whole_numbers() {
        assert!(fits("6.1.0-50", "6.1") && fits("6.12.9+deb13", "6.12") && fits("7.3", "7.3"));
        assert!(!fits("6.12.9", "6.1") && !fits("5.10.0-32", "5.1"));
        assert!(fits("7.3", NEWEST));
    }

    #[test]
    fn newer_is_greater() {
        let mut versions = ["6.12.9+deb13", "7.3", "6.1.0-50", "6.12.107+deb12", "6.1.0-9"];
        versions.sort_by(|a, b| compare(a, b));
        assert_eq!(versions, ["6.1.0-9", "6.1.0-50", "6.12.9+deb13", "6.12.107+deb12", "7.3"]);
    }
}
