//! JSON, strictly (RFC 8259): one flat object on one line, as its keys and values.

#[derive(Debug, PartialEq)]
pub enum Value {
    Text(String),
    /// As written: a number, `null`, `true` or `false`.
    Word(String),
}

pub fn object(line: &str) -> Option<Vec<(String, Value)>> {
    let mut rest = line.strip_suffix("}\n")?.strip_prefix('{')?;
    let mut members = Vec::new();
    loop {
        let key = text(&mut rest)?;
        rest = rest.strip_prefix(':')?;
        members.push((key, if rest.starts_with('"') { Value::Text(text(&mut rest)?) } else { word(&mut rest)? }));
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.is_empty().then_some(members),
        }
    }
}

fn word(rest: &mut &str) -> Option<Value> {
    let (word, behind) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
    *rest = behind;
    let number = word.strip_prefix('-').unwrap_or(word);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits(whole) && digits(decimals) && (whole == "0" || !whole.starts_with('0'));
    (number || ["null", "true", "false"].contains(&word)).then(|| Value::Word(word.into()))
}

fn text(rest: &mut &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.strip_prefix('"')?.chars();
    loop {
        text.push(match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '/') => c,
                'u' => {
                    let digits = chars.as_str().get(..4).filter(|four| four.bytes().all(|c| c.is_ascii_hexdigit()))?;
                    chars = chars.as_str()[4..].chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                _ => return None,
            },
            c if c < ' ' => return None,
            c => c,
        });
    }
    *rest = chars.as_str();
    Some(text)
}
