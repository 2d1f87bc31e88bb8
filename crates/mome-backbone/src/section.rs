//! The metadata of one architecture, and what of it makes sense.

use crate::config_error::ConfigError;
use crate::{Gguf, GgufError};

/// The metadata of one architecture: keys begin with its name.
pub(crate) struct Section<'a> {
    pub gguf: &'a Gguf,
    /// The architecture's name.
    pub architecture: &'a str,
}

impl Section<'_> {
    /// The whole key of that name.
    pub fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    /// The error of a value that makes no sense.
    pub fn bad(&self, name: &str, value: impl ToString, problem: String) -> ConfigError {
        ConfigError::Value { key: self.key(name), value: value.to_string(), problem }
    }

    /// A number from 1 to `limit`, where there is one.
    pub fn size(&self, name: &str, limit: u64) -> Result<Option<usize>, ConfigError> {
        match self.gguf.unsigned(&self.key(name))? {
            None => Ok(None),
            Some(value) if (1..=limit).contains(&value) => Ok(Some(value as usize)),
            Some(value) => Err(self.bad(name, value, format!("it should be from 1 to {limit}"))),
        }
    }

    /// A number from 1 to `limit`.
    pub fn required(&self, name: &str, limit: u64) -> Result<usize, ConfigError> {
        Ok(self.size(name, limit)?.ok_or_else(|| GgufError::Missing(self.key(name)))?)
    }

    /// A finite number above zero; `default` where there is none.
    pub fn positive(&self, name: &str, default: f32) -> Result<f32, ConfigError> {
        let Some(value) = self.gguf.float(&self.key(name))? else { return Ok(default) };
        let value = value as f32;
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(self.bad(name, value, "it should be above 0".to_owned()))
        }
    }
}
