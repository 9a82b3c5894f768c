//! What both pages and pictures are made of: text that is only text, and elements one after another.

/// Text as it stands in an element or an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Not even escaped may these stand in a page.
            '\n' | '\t' => escaped.push(character),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// An element for each.
pub(super) fn each<T>(items: impl IntoIterator<Item = T>, element: impl FnMut(T) -> String) -> String {
    items.into_iter().map(element).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_whatever_it_holds() {
        assert_eq!(escape("a < b & \"c\"\u{1b}"), "a &lt; b &amp; &quot;c&quot;\u{fffd}");
    }
}
