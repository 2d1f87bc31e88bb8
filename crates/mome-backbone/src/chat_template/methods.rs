//! The methods of Python's strings and dictionaries that chat templates call.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

/// Calls a method that Jinja itself does not have.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match (value.as_str(), value.kind()) {
        (Some(text), _) => string_method(text, method, args),
        (None, ValueKind::Map) => dictionary_method(state, value, method, args),
        _ => Err(unknown()),
    }
}

fn unknown() -> Error {
    ErrorKind::UnknownMethod.into()
}

fn string_method(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "strip" => strip(text, args, true, true),
        "lstrip" => strip(text, args, true, false),
        "rstrip" => strip(text, args, false, true),
        "startswith" => begins_or_ends(args, |affix| text.starts_with(affix)),
        "endswith" => begins_or_ends(args, |affix| text.ends_with(affix)),
        "split" => split(text, args),
        "replace" => {
            let (old, new): (&str, &str) = from_args(args)?;
            Ok(text.replace(old, new).into())
        }
        "find" => {
            let (part,): (&str,) = from_args(args)?;
            let at = text.find(part).map(|at| text[..at].chars().count() as i64);
            Ok(at.unwrap_or(-1).into())
        }
        "upper" => without_arguments(args).map(|()| text.to_uppercase().into()),
        "lower" => without_arguments(args).map(|()| text.to_lowercase().into()),
        _ => Err(unknown()),
    }
}

/// Takes characters off the ends: those of the argument, or spaces.
fn strip(text: &str, args: &[Value], start: bool, end: bool) -> Result<Value, Error> {
    let (characters,): (Option<&str>,) = from_args(args)?;
    let stripped = |character: char| match characters {
        Some(characters) => characters.contains(character),
        None => character.is_whitespace(),
    };
    let text = if start { text.trim_start_matches(stripped) } else { text };
    Ok(if end { text.trim_end_matches(stripped) } else { text }.into())
}

/// Whether the argument, or one of the texts in it, is at that end.
fn begins_or_ends(args: &[Value], is_there: impl Fn(&str) -> bool) -> Result<Value, Error> {
    let (affix,): (&Value,) = from_args(args)?;
    if let Some(affix) = affix.as_str() {
        return Ok(is_there(affix).into());
    }
    let mut any = false;
    for affix in affix.try_iter()? {
        any |= affix.as_str().is_some_and(&is_there);
    }
    Ok(any.into())
}

/// Splits at the first argument, or between words, at most as often as the second says.
fn split(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
    // Negative: as often as it goes.
    let most =
        most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
    let parts: Vec<Value> = match separator {
        Some("") => {
            return Err(Error::new(ErrorKind::InvalidOperation, "split needs a separator that is not empty"));
        }
        Some(separator) => text.splitn(most, separator).map(Value::from).collect(),
        None if most == usize::MAX => text.split_whitespace().map(Value::from).collect(),
        None => return Err(Error::new(ErrorKind::InvalidOperation, "split between words cannot be limited")),
    };
    Ok(parts.into())
}

fn dictionary_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match method {
        "get" => {
            let (key, otherwise): (&Value, Option<Value>) = from_args(args)?;
            let found = value.get_item(key)?;
            Ok(if found.is_undefined() { otherwise.unwrap_or_else(|| ().into()) } else { found })
        }
        "items" => {
            without_arguments(args)?;
            state.apply_filter("items", std::slice::from_ref(value))
        }
        "keys" => {
            without_arguments(args)?;
            Ok(value.try_iter()?.collect::<Vec<Value>>().into())
        }
        _ => Err(unknown()),
    }
}

fn without_arguments(args: &[Value]) -> Result<(), Error> {
    from_args(args)
}
