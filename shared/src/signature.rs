//! Signatures of requests to us: base64 of HMAC-SHA256 over the exact bytes of the body, compared in constant time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A signature from a request header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Decodes the value of the header; `None` when it is not base64.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        STANDARD.decode(value.trim()).ok().map(Self)
    }

    /// Whether any of `secrets` signed exactly these bytes. During a rotation both the current and the previous secret are
    /// valid. A blank secret signs nothing: everyone knows it. Each comparison takes constant time, and every secret is tried, so the time does not reveal which one matched.
    #[must_use]
    pub fn matches<'a>(&self, body: &[u8], secrets: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let secrets = secrets.into_iter().filter(|secret| !is_blank(secret));
        secrets.fold(false, |matched, secret| mac(secret, body).verify_slice(&self.0).is_ok() | matched)
    }
}

/// Whether a secret consists of white space only.
#[must_use]
pub fn is_blank(secret: &[u8]) -> bool {
    secret.iter().all(u8::is_ascii_whitespace)
}

/// The header value that signs `body`.
#[must_use]
pub fn sign(body: &[u8], secret: &[u8]) -> String {
    STANDARD.encode(mac(secret, body).finalize().into_bytes())
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects against forged requests: only the signed bytes match, and only with a secret we know.
    #[test]
    fn only_the_signed_bytes_match() {
        let body = br#"{"id":820982911946154508,"note":"caf\u00e9"}"#;
        let signature = Signature::from_header(&sign(body, b"current")).expect("our own signature is base64");
        let current: &[u8] = b"current";
        let previous: &[u8] = b"previous";
        assert!(signature.matches(body, [current]));
        assert!(signature.matches(body, [previous, current]), "both secrets are valid during a rotation");
        assert!(signature.matches(body, [current, previous]), "in either order");
        assert!(!signature.matches(body, [previous]));
        assert!(!signature.matches(body, []), "without a secret nothing matches");
        for blank in ["", " ", "\n"] {
            let signature = Signature::from_header(&sign(body, blank.as_bytes())).expect("our own signature is base64");
            assert!(!signature.matches(body, [current, blank.as_bytes()]), "{blank:?} is no secret");
        }
        for at in 0..body.len() {
            let mut changed = body.to_vec();
            changed[at] ^= 1;
            assert!(!signature.matches(&changed, [current]), "byte {at} changed");
        }
        for header in ["", "not base64!", "AAAA"] {
            assert!(!Signature::from_header(header).is_some_and(|s| s.matches(body, [current])), "{header:?}");
        }
    }
}
