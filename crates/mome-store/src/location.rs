//! What a location names: the address of a server, or a folder.

use crate::StoreError;

/// The file whose name a location may end in.
pub(crate) const MANIFEST: &str = "mome.json";

/// Whether a location is an HTTP address.
pub(crate) fn is_http(location: &str) -> bool {
    scheme(location).is_some_and(|scheme| ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()))
}

/// What stands before `://`.
pub(crate) fn scheme(location: &str) -> Option<&str> {
    location.split_once("://").map(|(scheme, _)| scheme)
}

/// The address of a pack's folder, with one `/` at its end. `https://host/pack`, `https://host/pack/` and
/// `https://host/pack/mome.json` all mean the same pack.
///
/// # Errors
/// [`StoreError::Location`] where the address is not HTTP, names no host, or carries a query or a fragment,
/// which could not reach the objects.
pub(crate) fn base_url(location: &str) -> Result<String, StoreError> {
    let refuse = |problem: &str| StoreError::Location { location: location.into(), problem: problem.into() };
    if !is_http(location) {
        return Err(refuse("an address begins with http:// or https://"));
    }
    if location.contains(['?', '#']) {
        return Err(refuse(
            "leave out what begins with `?` or `#`: a pack's files are found by their paths alone",
        ));
    }
    if location.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(refuse("an address holds no spaces: write %20"));
    }
    let folder = location.strip_suffix(&format!("/{MANIFEST}")).unwrap_or(location).trim_end_matches('/');
    if scheme(folder).is_none() {
        return Err(refuse("the name of the host is missing"));
    }
    Ok(format!("{folder}/"))
}

/// The folder that a location names: a path, or a `file://` address, with or without `mome.json` at the end.
///
/// # Errors
/// [`StoreError::Location`] for any other scheme, and for an address on another machine.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn folder(location: &str) -> Result<std::path::PathBuf, StoreError> {
    use std::path::PathBuf;

    let refuse = |problem: &str| StoreError::Location { location: location.into(), problem: problem.into() };
    let path = match location.split_once("://") {
        None => PathBuf::from(location),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(refuse("a file:// address has no host: write file:///path/to/pack"));
            }
            // A drive letter follows the slash on Windows only.
            let path = if cfg!(windows) { path.trim_start_matches('/') } else { path };
            PathBuf::from(percent_decoded(path).ok_or_else(|| refuse("a `%` is not followed by two digits"))?)
        }
        Some(_) => {
            return Err(refuse("give a folder, or an address that begins with http://, https:// or file://"));
        }
    };
    Ok(if path.file_name().is_some_and(|name| name == MANIFEST) { path.with_file_name("") } else { path })
}

/// Text with each `%41` replaced by the byte that it stands for; `None` where that is not text.
#[cfg(not(target_arch = "wasm32"))]
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn three_ways_to_write_an_address_mean_one_pack() {
        for way in ["http://h:1/a/pack", "http://h:1/a/pack/", "http://h:1/a/pack/mome.json"] {
            assert_eq!(base_url(way).unwrap(), "http://h:1/a/pack/");
        }
        assert_eq!(base_url("HTTPS://h").unwrap(), "HTTPS://h/");
        assert_eq!(base_url("https://h/mome.json").unwrap(), "https://h/");
        assert_eq!(base_url("https://h/not-mome.json").unwrap(), "https://h/not-mome.json/");
    }

    #[test]
    fn addresses_that_name_no_pack_are_refused() {
        for location in
            ["http://h/pack?v=2", "https://h/pack#top", "ftp://h/pack", "h/pack", "https://", "http://a b/"]
        {
            let error = base_url(location).unwrap_err().to_string();
            assert!(error.contains(&format!("`{location}`")), "{error}");
        }
    }

    #[test]
    fn a_folder_is_a_path_or_a_file_address() {
        for location in ["/packs/a b", "/packs/a b/", "/packs/a b/mome.json", "file:///packs/a%20b"] {
            assert_eq!(folder(location).unwrap(), Path::new("/packs/a b"), "{location}");
        }
        assert_eq!(folder("file://localhost/p/mome.json").unwrap(), Path::new("/p"));
        assert_eq!(folder("mome.json").unwrap(), Path::new(""));
        for location in ["s3://bucket/pack", "file://host/pack", "file:///a%2", "file:///a%zz"] {
            assert!(folder(location).is_err(), "{location}");
        }
    }
}
