//! A byte-level BPE vocabulary of any size, as GPT-2 writes it: all bytes, then pairs of bytes, then the end.
//!
//! Pairs that begin with a byte past ASCII come first. No vocabulary of the bench is large enough for those that
//! begin with a letter, so a text of letters has one token a letter: some runtimes take a prompt as text only.

/// The byte that the first pairs begin with.
const FIRST_LEFT: usize = 0x80;

/// Tokens and merges. The last token is the control token that ends a text.
pub struct Vocabulary {
    /// The text of each token.
    pub tokens: Vec<String>,
    /// `left right` for each token that is a pair.
    pub merges: Vec<String>,
}

impl Vocabulary {
    /// Makes a vocabulary of `size` tokens: from 257 up to 256 and 65,536 pairs and the end.
    pub fn new(size: usize) -> Self {
        let alphabet = alphabet();
        let pairs: Vec<[char; 2]> = alphabet
            .iter()
            .cycle()
            .skip(FIRST_LEFT)
            .take(alphabet.len())
            .flat_map(|left| alphabet.iter().map(move |right| [*left, *right]))
            .take(size.saturating_sub(alphabet.len() + 1))
            .collect();
        let bytes = alphabet.iter().map(char::to_string);
        let joined = pairs.iter().map(|pair| pair.iter().collect());
        let end = std::iter::once("<|endoftext|>".to_owned());
        Self {
            tokens: bytes.chain(joined).chain(end).collect(),
            merges: pairs.iter().map(|[left, right]| format!("{left} {right}")).collect(),
        }
    }

    /// The id of the token that ends a text.
    pub fn end(&self) -> u32 {
        self.tokens.len() as u32 - 1
    }

    /// `tokenizer.ggml.token_type`: 1 for ordinary tokens, 3 for the control token.
    pub fn types(&self) -> Vec<i32> {
        let mut types = vec![1; self.tokens.len()];
        if let Some(end) = types.last_mut() {
            *end = 3;
        }
        types
    }
}

/// The character of each byte: printable ones of Latin-1 stand for themselves, the others for U+0100 and on.
fn alphabet() -> Vec<char> {
    let mut others = '\u{100}'..;
    let character = |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        _ => others.next().unwrap_or_default(),
    };
    (0..=u8::MAX).map(character).collect()
}
