//! The known name that a mistyped one probably stands for.

/// The known name with the fewest differences from `name`, if they are few enough to be typing errors. Case, and the characters
/// between words, are no differences. Two names that differ only in their digits are different on purpose, such as `pos-1` and
/// `pos-2`.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(name);
    let close = known.into_iter().filter(|known| *known != name).filter_map(|known| {
        let other = self::plain(known);
        let differences = strsim::osa_distance(&plain, &other);
        let most = (plain.chars().count().max(other.chars().count()) / 3).min(3);
        let letters = |text: &str| text.chars().filter(|c| !c.is_numeric()).collect::<String>();
        let is_numbered = differences > 0 && letters(&plain) == letters(&other);
        (differences <= most && !is_numbered).then_some((differences, known))
    });
    close.min_by_key(|(differences, _)| *differences).map(|(_, known)| known)
}

/// A name in lower case, with letters and digits only.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects operators from a suggestion that is not what they meant, and from none where one letter is wrong.
    #[test]
    fn a_typing_error_leads_to_the_name() {
        for (name, known, expected) in [
            ("spa", &["wms", "sap"][..], Some("sap")),
            ("netsuit", &["netsuite", "sap"], Some("netsuite")),
            ("wms_esat", &["wms-west", "wms-east"], Some("wms-east")),
            ("WMS-EAST", &["wms-east"], Some("wms-east")),
            ("wmseast", &["wms-east"], Some("wms-east")),
            ("pos-3", &["pos-1", "pos-2"], None),
            ("pso-1", &["pos-1"], Some("pos-1")),
            ("erp", &["wms", "sap"], None),
            ("sap", &["sap"], None),
            ("colour", &["code", "policy"], None),
            ("b", &["a"], None),
        ] {
            assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
        }
    }
}
