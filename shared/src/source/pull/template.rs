//! Texts with JSON pointers in braces that are filled from a row (`"{/Plant}-{/StorageLocation}"`), or constants.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON pointer into an answer or a row, such as `/d/results` or `/product_id/0`. The empty pointer means the whole value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The value at the pointer.
    #[must_use]
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.0)
    }

    /// The value at the pointer, mutable.
    pub fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.pointer_mut(&self.0)
    }

    /// The pointer as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JsonPointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is not a JSON pointer: it must begin with /, like /d/results"))
    }
}

impl From<JsonPointer> for String {
    fn from(pointer: JsonPointer) -> Self {
        pointer.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Pointer(JsonPointer),
}

/// A text to be filled from a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

impl Template {
    /// Fills the text from a row, without spaces at its ends. Returns `None` when the value of a pointer is missing, null,
    /// empty or `false`, because some systems write `false` for a missing value.
    ///
    /// # Errors
    /// When the value of a pointer is a list or an object.
    pub fn fill(&self, row: &Value) -> Result<Option<String>, String> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Pointer(pointer) => match pointer.of(row) {
                    None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
                    Some(Value::Bool(true)) => filled.push_str("true"),
                    Some(Value::Number(number)) => filled.push_str(&number.to_string()),
                    Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
                    Some(Value::String(text)) => filled.push_str(text.trim()),
                    Some(Value::Array(_) | Value::Object(_)) => {
                        return Err(format!("the value at {} is neither a text nor a number", pointer.as_str()));
                    }
                },
            }
        }
        Ok(Some(filled))
    }

    /// Whether the text has no pointer and is the same for every row.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text.as_str());
        while let Some((before, after)) = rest.split_once('{') {
            let (pointer, after) = after.split_once('}').ok_or_else(|| format!("{text:?} has a {{ without a }}"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Pointer(pointer.to_owned().try_into()?));
            rest = after;
        }
        if rest.contains('}') {
            return Err(format!("{text:?} has a }} without a {{"));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.is_empty() {
            return Err("a template cannot be empty: leave the field out instead".to_owned());
        }
        Ok(Self { text, parts })
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Protects fields: a template is filled completely or not at all.
    #[test]
    fn a_template_is_filled_whole_or_not_at_all() {
        let row =
            json!({ "a": " A-1 ", "n": 7, "none": null, "no": false, "yes": true, "blank": " ", "pair": [12, "Shelf"], "o": {} });
        for (template, expected) in [
            ("{/a}", Ok(Some("A-1"))),
            ("{/a}/{/n}", Ok(Some("A-1/7"))),
            ("each", Ok(Some("each"))),
            ("{/pair/0}", Ok(Some("12"))),
            ("{/yes}", Ok(Some("true"))),
            ("{/a}-{/none}", Ok(None)),
            ("{/no}", Ok(None)),
            ("{/blank}", Ok(None)),
            ("{/absent}", Ok(None)),
            ("{/pair}", Err(())),
            ("{/o}", Err(())),
        ] {
            let filled = Template::try_from(template.to_owned()).expect("a template").fill(&row);
            let filled = filled.as_ref().map(|text| text.as_deref()).map_err(|_| ());
            assert_eq!(filled, expected, "{template}");
        }
    }

    /// Protects configurations: a malformed template is refused when it is read.
    #[test]
    fn malformed_templates_are_refused() {
        for (text, is_valid) in [
            ("{/a}", true),
            ("x{/a}y{/b}", true),
            ("", false),
            ("{a}", false),
            ("{/a", false),
            ("/a}", false),
            ("{/a}}", false),
            ("{}", true),
        ] {
            assert_eq!(Template::try_from(text.to_owned()).is_ok(), is_valid, "{text}");
        }
    }
}
