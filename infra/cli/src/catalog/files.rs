//! Reads sheets from files and directories, and writes them into a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use promissory::sheets::{MAX_BYTES, Sheet};

/// Reads the sheets in files and directories. Every `.csv` file of a directory must have the name of a sheet, so that the import
/// does not silently skip a misspelt file.
///
/// # Errors
/// When a file cannot be read, does not have the name of a sheet, or when a sheet is there twice; and when there is no sheet.
pub fn read(paths: &[PathBuf]) -> io::Result<BTreeMap<Sheet, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for path in paths {
        let is_directory = fs::metadata(path).map_err(|error| cannot(path, &error))?.is_dir();
        if is_directory {
            let mut entries =
                fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|e| cannot(path, &e))?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries.iter().map(fs::DirEntry::path).filter(|path| is_csv(path)) {
                add(&mut files, &entry)?;
            }
        } else {
            add(&mut files, path)?;
        }
    }
    if files.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(io::Error::other(format!("there is no sheet in {}: name the files {}", paths.join(", "), names())));
    }
    Ok(files)
}

/// Writes sheets into a directory, and creates the directory if it does not exist. It overwrites no file.
///
/// # Errors
/// When one of the files exists already, or cannot be written.
pub fn write(directory: &Path, sheets: &BTreeMap<Sheet, Vec<u8>>) -> io::Result<()> {
    fs::create_dir_all(directory).map_err(|error| cannot(directory, &error))?;
    let files: Vec<(PathBuf, &Vec<u8>)> =
        sheets.iter().map(|(sheet, bytes)| (directory.join(sheet.to_string()), bytes)).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(io::Error::other(format!("{} is there already: export into an empty directory", path.display())));
    }
    for (path, bytes) in files {
        fs::write(&path, bytes).map_err(|error| cannot(&path, &error))?;
    }
    Ok(())
}

fn add(files: &mut BTreeMap<Sheet, Vec<u8>>, path: &Path) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| is_csv(path));
    let Some(sheet) = name.and_then(Sheet::of_file) else {
        return Err(io::Error::other(format!(
            "{} does not have the name of a sheet: name it one of {}",
            path.display(),
            names()
        )));
    };
    let size = fs::metadata(path).map_err(|error| cannot(path, &error))?.len();
    if usize::try_from(size).is_ok_and(|size| size > MAX_BYTES) {
        return Err(io::Error::other(format!("{} has more than {MAX_BYTES} bytes: split it", path.display())));
    }
    let bytes = fs::read(path).map_err(|error| cannot(path, &error))?;
    if let Some(_twice) = files.insert(sheet, bytes) {
        return Err(io::Error::other(format!("{sheet} is named twice: import one after the other")));
    }
    Ok(())
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn names() -> String {
    Sheet::ALL.map(|sheet| sheet.to_string()).join(", ")
}

fn cannot(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against an import that skips a misspelt sheet, and against an export that overwrites a file.
    #[test]
    fn every_sheet_is_found_and_none_is_overwritten() {
        let directory = std::env::temp_dir().join(format!("promissory-sheets-{}", std::process::id()));
        let sheets: BTreeMap<Sheet, Vec<u8>> = [(Sheet::Items, b"sku\n".to_vec()), (Sheet::Tiers, b"tier\n".to_vec())].into();
        let read_text = |paths: &[PathBuf]| read(paths).map_err(|error| error.to_string());
        let nothing = read_text(std::slice::from_ref(&directory)).expect_err("the directory does not exist");
        assert!(nothing.starts_with(&format!("{}: ", directory.display())), "{nothing}");
        write(&directory, &sheets).expect("written");
        assert_eq!(read_text(std::slice::from_ref(&directory)).as_ref(), Ok(&sheets));
        assert_eq!(read_text(&[directory.join("tiers.csv"), directory.join("items.csv")]).as_ref(), Ok(&sheets));
        let again = write(&directory, &sheets).expect_err("the file exists");
        assert!(again.to_string().ends_with("tiers.csv is there already: export into an empty directory"), "{again}");
        let twice = read_text(&[directory.clone(), directory.join("items.csv")]).expect_err("the sheet is there twice");
        assert_eq!(twice, "items.csv is named twice: import one after the other");
        fs::write(directory.join("notes.txt"), "not a sheet").expect("written");
        fs::rename(directory.join("tiers.csv"), directory.join("Tiers.CSV")).expect("renamed");
        assert_eq!(read_text(std::slice::from_ref(&directory)).as_ref(), Ok(&sheets));
        fs::write(directory.join("item.csv"), "sku\n").expect("written");
        let misspelt = read_text(std::slice::from_ref(&directory)).expect_err("the name is misspelt");
        assert!(
            misspelt.contains("item.csv does not have the name of a sheet: name it one of tiers.csv, items.csv,"),
            "{misspelt}"
        );
        fs::remove_dir_all(&directory).expect("removed");
    }
}
