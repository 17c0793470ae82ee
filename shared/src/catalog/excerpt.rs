//! Texts of other systems in messages: an error that quotes such a text must not become as long as the text.

/// The text, or its first `most` characters with a note that the rest is left out.
#[must_use]
pub fn excerpt(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} (the rest is left out)", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    /// Protects logs, alerts and answers from texts of any length, and texts within the bound from a change.
    #[test]
    fn a_text_ends_at_the_bound() {
        for (text, expected) in [("", ""), ("öäü", "öäü"), ("öäüß", "öäü (the rest is left out)")] {
            assert_eq!(excerpt(text.to_owned(), 3), expected);
        }
    }
}
