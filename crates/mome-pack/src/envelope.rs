//! The envelope that a manifest comes in, with what was signed as it was signed: DSSE
//! (<https://github.com/secure-systems-lab/dsse>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::PackError;

const OBJECT: &str = "manifest";
const PAYLOAD_TYPE: &str = "application/vnd.mome.manifest+json";

/// A manifest's bytes, and the signatures over them. Signatures are kept as they came; whether they are good is for those
/// who hold keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The manifest as JSON: the very bytes that were signed.
    pub payload: Vec<u8>,
    /// Signatures over [`Envelope::signed_bytes`].
    pub signatures: Vec<Signature>,
}

/// A signature, and a hint at the key that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Which key, in the signer's words; not to be trusted.
    #[serde(rename = "keyid", default)]
    pub key_id: String,
    /// The signature, in base64.
    #[serde(rename = "sig")]
    pub signature: String,
}

/// How it stands in `mome.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

impl Envelope {
    /// A payload that nobody signed.
    #[must_use]
    pub fn unsigned(payload: Vec<u8>) -> Self {
        Self { payload, signatures: Vec::new() }
    }

    /// The bytes of `mome.json`.
    ///
    /// # Errors
    /// [`PackError::Field`] where JSON has no word for something.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let json = Json {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: STANDARD.encode(&self.payload),
            signatures: self.signatures.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&json)
            .map_err(|error| PackError::field(OBJECT, "JSON", error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads `mome.json`.
    ///
    /// # Errors
    /// [`PackError`] where the bytes are no envelope of a manifest.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| PackError::json(OBJECT, &error))?;
        if json.payload_type != PAYLOAD_TYPE {
            return Err(PackError::Magic { object: OBJECT });
        }
        let payload = STANDARD
            .decode(&json.payload)
            .map_err(|error| PackError::field(OBJECT, "payload", format!("is not base64: {error}")))?;
        Ok(Self { payload, signatures: json.signatures })
    }

    /// What signatures are made over: the payload with its type and lengths, so that it cannot be taken for something else
    /// (DSSE's pre-authentication encoding).
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), self.payload.len());
        [head.as_bytes(), &self.payload].concat()
    }
}
