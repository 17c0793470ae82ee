//! How a row is stored, and the limits that DynamoDB sets: 400 KB for a row, 2,048 and 1,024 bytes for the parts of a key, 4 MB for
//! a transaction. A row beyond a limit can never be written, so it is found before the call.
//!
//! The body of a row is a map. A large body is stored as deflated JSON instead: it repeats its field names and names of lines and
//! events, so it becomes about a tenth of its size, and so do the capacity units of every write of it.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::Value;

use super::key::Key;
use super::row::Write;

/// The most bytes of a stored row.
pub const MAX_ROW: usize = 400 * 1024;

/// The most bytes of all rows of a transaction.
pub const MAX_TRANSACTION: usize = 4 * 1024 * 1024;

/// The most bytes of a partition key, and of a sort key.
const MAX_KEY: (usize, usize) = (2_048, 1_024);

/// A body of more bytes than this is deflated. Smaller rows stay readable in the console of DynamoDB.
const DEFLATED_ABOVE: usize = 16 * 1024;

/// The most bytes that a deflated body may have when it is inflated.
const MAX_INFLATED: u64 = 64 * 1024 * 1024;

/// A row that can never be written as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row {key} cannot be written: {detail}")]
pub struct UnwritableRow {
    /// The key of the row.
    pub key: String,
    /// Which limit it exceeds, or why the store rejects it.
    pub detail: String,
}

/// The body of a row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredBody<'a> {
    /// A map.
    Plain(&'a Value),
    /// Deflated JSON.
    Deflated(Vec<u8>),
}

/// The bodies of puts as they are stored, in the order of `writes`; `None` for a deletion.
///
/// # Errors
/// When a row or the transaction exceeds a limit. Then nothing may be written.
pub fn stored_bodies(writes: &[Write]) -> Result<Vec<Option<StoredBody<'_>>>, UnwritableRow> {
    let mut total = 0;
    let mut bodies = Vec::with_capacity(writes.len());
    for write in writes {
        let too_large = |detail: String| UnwritableRow { key: write.key().to_string(), detail };
        let Write::Put { key, body, index, .. } = write else {
            bodies.push(None);
            continue;
        };
        for (name, key) in std::iter::once(("key", key)).chain(index.iter().map(|index| ("index entry", index))) {
            let (pk, sk) = MAX_KEY;
            if key.pk.len() > pk || key.sk.len() > sk {
                let (is_pk, is_sk) = (key.pk.len(), key.sk.len());
                return Err(too_large(format!("its {name} has {is_pk} and {is_sk} bytes; at most {pk} and {sk} are possible")));
            }
        }
        let plain = size_of(body);
        let (body, size) = if plain > DEFLATED_ABOVE {
            let deflated = deflated(body);
            let size = deflated.len();
            (StoredBody::Deflated(deflated), size)
        } else {
            (StoredBody::Plain(body), plain)
        };
        let row = size + size_of_keys(key, index.as_ref());
        if row > MAX_ROW {
            return Err(too_large(format!("it has {row} bytes; at most {MAX_ROW} are possible")));
        }
        total += row;
        if total > MAX_TRANSACTION {
            return Err(too_large(format!("with it, the transaction has more than {MAX_TRANSACTION} bytes")));
        }
        bodies.push(Some(body));
    }
    Ok(bodies)
}

/// Inflates a body.
///
/// # Errors
/// When the bytes are not a deflated body.
pub fn inflated(bytes: &[u8]) -> Result<Value, String> {
    let mut json = Vec::new();
    DeflateDecoder::new(bytes)
        .take(MAX_INFLATED)
        .read_to_end(&mut json)
        .map_err(|error| format!("it is not deflated: {error}"))?;
    serde_json::from_slice(&json).map_err(|error| format!("it is not JSON: {error}"))
}

fn deflated(body: &Value) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let written = serde_json::to_writer(&mut encoder, body).map_err(std::io::Error::from).and_then(|()| encoder.flush());
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The bytes of the attributes beside the body, with their names, and of the name of the body.
fn size_of_keys(key: &Key, index: Option<&Key>) -> usize {
    let named = |key: &Key, names: usize| names + key.pk.len() + key.sk.len();
    // A number takes at most 21 bytes.
    named(key, "pksk".len()) + index.map_or(0, |index| named(index, "ipkisk".len())) + "revverexpires_atbody".len() + 3 * 21
}

/// The bytes of a value, as DynamoDB counts them.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        // Two digits take one byte, and the sign and the exponent one each.
        Value::Number(number) => number.to_string().len() / 2 + 2,
        Value::String(text) => text.len(),
        Value::Array(values) => 3 + values.iter().map(|value| 1 + size_of(value)).sum::<usize>(),
        Value::Object(fields) => 3 + fields.iter().map(|(name, value)| 1 + name.len() + size_of(value)).sum::<usize>(),
    }
}
