//! Text to tokens and back, for the vocabularies that GGUF files carry: byte-level BPE (`byte_level`),
//! SentencePiece's BPE and unigram models (`sentence_piece`) and BERT's WordPiece (`word_piece`).
//!
//! All look tokens up in one `vocabulary`; the BPE loop (`merge`) and text that remembers where it comes from
//! (`normalized`) are shared. Tokens that are matched whole are found through a `prefix_index`.

mod byte_level;
mod decoder;
mod error;
mod merge;
mod metadata;
mod normalized;
mod prefix_index;
mod sentence_piece;
mod special_tokens;
mod vocabulary;
mod word_piece;

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::Gguf;
use byte_level::ByteLevel;
pub use decoder::Decoder;
pub use error::TokenizerError;
use metadata::missing;
use prefix_index::PrefixIndex;
use sentence_piece::{Method, Place, SentencePiece};
use special_tokens::{Added, SpecialTokens};
use vocabulary::{TokenKind, Vocabulary};
use word_piece::WordPiece;

/// A token and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its place in the vocabulary.
    pub id: u32,
    /// The bytes of the text that it stands for. Empty for a space that the tokenizer put there; where
    /// normalisation made several characters of one, each token with a part of them has that one's bytes.
    pub range: Range<usize>,
}

/// A vocabulary, and how text becomes its tokens.
#[derive(Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    model: Model,
    /// Tokens that are matched whole in all text.
    whole: PrefixIndex,
    /// Tokens that are matched whole in a rendered chat template: user-defined and control tokens.
    template: PrefixIndex,
    special: SpecialTokens,
}

#[derive(Debug)]
enum Model {
    ByteLevel(ByteLevel),
    SentencePiece(SentencePiece),
    WordPiece(WordPiece),
}

impl Tokenizer {
    /// Reads the tokenizer of a GGUF file.
    ///
    /// # Errors
    /// [`TokenizerError`], which names the metadata key and the entry concerned.
    pub fn read(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let model = gguf.string("tokenizer.ggml.model")?.ok_or_else(|| missing("tokenizer.ggml.model"))?;
        let sentence_piece = |method| {
            let (vocabulary, model) = SentencePiece::read(gguf, method)?;
            Ok::<_, TokenizerError>((vocabulary, Model::SentencePiece(model)))
        };
        // What llama.cpp does where a file does not say whether to add the begin and the end token.
        let (vocabulary, model, added) = match model {
            "gpt2" => {
                let (vocabulary, model) = ByteLevel::read(gguf)?;
                let added = Added { begin: model.begins(), end: false };
                (vocabulary, Model::ByteLevel(model), added)
            }
            "llama" => {
                let (vocabulary, model) = sentence_piece(Method::Bpe)?;
                (vocabulary, model, Added { begin: true, end: false })
            }
            "t5" => {
                let (vocabulary, model) = sentence_piece(Method::Unigram)?;
                (vocabulary, model, Added { begin: false, end: true })
            }
            "bert" => {
                let (vocabulary, model) = WordPiece::read(gguf)?;
                (vocabulary, Model::WordPiece(model), Added { begin: true, end: true })
            }
            other => return Err(TokenizerError::Model(other.to_owned())),
        };
        // BERT's places for tokens to come (`[unused0]`) are user-defined in files, but nothing that text
        // becomes.
        let whole: &[TokenKind] = match model {
            Model::WordPiece(_) => &[],
            _ => &[TokenKind::UserDefined],
        };
        Ok(Self {
            whole: PrefixIndex::new(&vocabulary, vocabulary.of_kinds(whole)),
            template: PrefixIndex::new(
                &vocabulary,
                vocabulary.of_kinds(&[TokenKind::UserDefined, TokenKind::Control]),
            ),
            special: SpecialTokens::read(gguf, &vocabulary, added)?,
            vocabulary,
            model,
        })
    }

    /// Turns text into tokens. Text that spells a control token (`<|endoftext|>`) stays text; user-defined tokens
    /// are matched whole. Neither the begin nor the end token is added.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<Token> {
        self.encode_parts(text, &self.whole, Place::Start)
    }

    /// Turns text that follows other text into tokens, as [`encode`](Self::encode) does but for the space that a
    /// SentencePiece vocabulary puts before a text.
    #[must_use]
    pub fn encode_continuation(&self, text: &str) -> Vec<Token> {
        self.encode_parts(text, &self.whole, Place::Continuation)
    }

    /// Turns text into tokens and takes control tokens for what they are, as a rendered chat template wants it:
    /// never for text from outside. Of special tokens that begin at the same place the longest counts.
    #[must_use]
    pub fn encode_with_special(&self, text: &str) -> Vec<Token> {
        self.encode_parts(text, &self.template, Place::Start)
    }

    /// Cuts a text around the tokens of `whole`, and encodes what lies between. Text behind such a token is at a
    /// start, as in llama.cpp.
    fn encode_parts(&self, text: &str, whole: &PrefixIndex, mut place: Place) -> Vec<Token> {
        let mut encoded = Vec::new();
        let mut at = 0;
        while let Some((range, id)) = whole.find(&self.vocabulary, text, at) {
            self.encode_part(text, at..range.start, place, &mut encoded);
            at = range.end;
            place = Place::Start;
            encoded.push(Token { id, range });
        }
        self.encode_part(text, at..text.len(), place, &mut encoded);
        encoded
    }

    fn encode_part(&self, text: &str, part: Range<usize>, place: Place, encoded: &mut Vec<Token>) {
        match &self.model {
            Model::ByteLevel(model) => model.encode(&self.vocabulary, text, part, encoded),
            Model::SentencePiece(model) => model.encode(&self.vocabulary, text, part, place, encoded),
            Model::WordPiece(model) => model.encode(&self.vocabulary, text, part, encoded),
        }
    }

    /// Turns the tokens of a text into the text. Bytes that are not UTF-8 become U+FFFD, control tokens the text
    /// that names them; ids outside the vocabulary are left out, and so is the space that a SentencePiece
    /// vocabulary puts before a text.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        decode_all(self.decoder(), ids)
    }

    /// Turns tokens that follow others into text: a space that it begins with stays.
    #[must_use]
    pub fn decode_continuation(&self, ids: &[u32]) -> String {
        decode_all(self.continuation_decoder(), ids)
    }

    /// Decodes a text token by token.
    #[must_use]
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder::new(self, self.adds_space())
    }

    /// Decodes, token by token, a text that follows other text.
    #[must_use]
    pub fn continuation_decoder(&self) -> Decoder<'_> {
        Decoder::new(self, false)
    }

    /// The text of one token, with its space.
    #[must_use]
    pub fn token_text(&self, id: u32) -> String {
        self.decode_continuation(&[id])
    }

    /// The bytes that a token stands for.
    #[must_use]
    pub fn bytes_of(&self, id: u32) -> Option<&[u8]> {
        self.vocabulary.bytes_of(id)
    }

    /// The bytes of every token, in the order of their ids.
    pub fn vocabulary(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.vocabulary.iter()
    }

    /// The token that a text may begin with.
    #[must_use]
    pub fn begin(&self) -> Option<u32> {
        self.special.begin
    }

    /// The token that ends a text.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.special.end
    }

    /// Whether a token ends what the model says: the end token, or one that ends a turn or a message.
    #[must_use]
    pub fn ends(&self, id: u32) -> bool {
        self.special.ends.binary_search(&id).is_ok()
    }

    /// Whether the model wants the begin token before a text.
    #[must_use]
    pub fn adds_begin(&self) -> bool {
        self.special.added.begin
    }

    /// Whether the model wants the end token behind a text.
    #[must_use]
    pub fn adds_end(&self) -> bool {
        self.special.added.end
    }

    /// The token before what an encoder reads, whose state may stand for the whole: `[CLS]`, or else the
    /// begin token.
    #[must_use]
    pub fn cls(&self) -> Option<u32> {
        self.special.class
    }

    /// The token behind each text that an encoder reads: `[SEP]`, or else the end token.
    #[must_use]
    pub fn sep(&self) -> u32 {
        self.special.separator
    }

    /// The token that fills up what is shorter than the rest of a batch, `[PAD]`.
    #[must_use]
    pub fn padding(&self) -> Option<u32> {
        self.special.padding
    }

    /// Separators between the two texts of a pair: BERT has one, RoBERTa and those after it two.
    pub(crate) fn separators_between(&self) -> usize {
        if matches!(self.model, Model::WordPiece(_)) { 1 } else { 2 }
    }

    /// SHA-256 over the bytes of every token in order, each after its length as a little-endian `u32`.
    #[must_use]
    pub fn vocabulary_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for token in self.vocabulary() {
            hash.update((token.len() as u32).to_le_bytes());
            hash.update(token);
        }
        hash.finalize().into()
    }

    /// Number of tokens, V.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Never true: a vocabulary without tokens is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vocabulary.len() == 0
    }

    /// Whether texts get a space before them.
    fn adds_space(&self) -> bool {
        match &self.model {
            Model::ByteLevel(_) => false,
            Model::SentencePiece(model) => model.adds_space(),
            Model::WordPiece(_) => true,
        }
    }

    /// Whether a token is matched whole rather than spelt.
    fn is_special(&self, id: u32) -> bool {
        matches!(self.vocabulary.kind_of(id), Some(TokenKind::Control | TokenKind::UserDefined))
    }
}

fn decode_all(mut decoder: Decoder<'_>, ids: &[u32]) -> String {
    let mut text: String = ids.iter().map(|id| decoder.push(*id)).collect();
    text.push_str(&decoder.finish());
    text
}
