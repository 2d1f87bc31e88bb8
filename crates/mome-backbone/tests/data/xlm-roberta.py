"""Writes xlm-roberta.json: a small multilingual unigram vocabulary in XLM-R's order, and texts tokenised by it.

    pip install sentencepiece tokenizers && python xlm-roberta.py

sentencepiece trains the vocabulary; Hugging Face tokenizers, put together as for XLM-R, tokenises.
"""

import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
VOCABULARY = 700

CORPUS = """
The library opens at nine in the morning and closes at eight in the evening.
How do I return a book that I borrowed last week? Return it at the desk, or drop it in the box outside.
Children under twelve travel free when an adult buys a ticket. Tickets cost 3.50 at the counter.
Where is the nearest station? The nearest station is behind the market, five minutes on foot.
Die Bibliothek öffnet um neun Uhr morgens und schließt um acht Uhr abends.
Wie gebe ich ein Buch zurück, das ich letzte Woche ausgeliehen habe? Am Schalter oder im Kasten draußen.
Kinder unter zwölf Jahren fahren kostenlos, wenn ein Erwachsener eine Fahrkarte kauft.
La bibliothèque ouvre à neuf heures du matin et ferme à huit heures du soir.
Où se trouve la gare la plus proche ? Elle est derrière le marché, à cinq minutes à pied.
Les enfants de moins de douze ans voyagent gratuitement avec un adulte.
La biblioteca abre a las nueve de la mañana y cierra a las ocho de la tarde. ¿Dónde está la estación?
Библиотека открывается в девять утра и закрывается в восемь вечера.
Где ближайшая станция? Она за рынком, пять минут пешком. Дети до двенадцати лет ездят бесплатно.
図書館は朝九時に開き、夜八時に閉まります。一番近い駅はどこですか。駅は市場の後ろにあります。
图书馆早上九点开门，晚上八点关门。最近的车站在哪里？车站在市场后面，步行五分钟。
المكتبة تفتح في التاسعة صباحا وتغلق في الثامنة مساء. أين أقرب محطة؟
पुस्तकालय सुबह नौ बजे खुलता है और रात आठ बजे बंद होता है। सबसे नज़दीकी स्टेशन कहाँ है?
도서관은 아침 아홉 시에 열고 저녁 여덟 시에 닫습니다. 가장 가까운 역은 어디입니까?
""".strip()

TEXTS = [
    "Where is the library?",
    "How do I return a book that I borrowed?",
    "",
    " ",
    "  two  spaces\tand a tab\n",
    "Wie gebe ich ein Buch zurück?",
    "Où se trouve la gare la plus proche ?",
    "¿Dónde está la estación?",
    "Где ближайшая станция?",
    "図書館は朝九時に開きます。",
    "图书馆早上九点开门，晚上八点关门。",
    "أين أقرب محطة؟",
    "सबसे नज़दीकी स्टेशन कहाँ है?",
    "가장 가까운 역은 어디입니까?",
    "The ticket costs 3.50, not 35.0",
    "query: how much is a ticket",
    "antidisestablishmentarianism ÅÅ",
    "🙂 smile 🙂🙂 and ☂ rain",
    "𐍈 unknown 𐍈𐍈 letters",
    "ﬁve ﬁelds",
    "half ½ and squared x²",
    "１２ full width",
    "ﾞ alone, and ｶﾞ",
    "no\u00a0break and zero\u200bwidth and soft\u00adhyphen",
    "e\u0301 decomposed, é composed",
    "(brackets) [and] {braces}",
    "UPPER CASE, Mixed Case, lower case",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "line\none\r\nline two\u2028line three",
    "the the the library library",
]


def train():
    """The pieces with scores, in sentencepiece's order."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        # A piece has to occur twice.
        sentence_iterator=iter(CORPUS.split("\n") * 2),
        model_writer=model,
        model_type="unigram",
        vocab_size=VOCABULARY,
        character_coverage=0.995,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(trained.id_to_piece(id), trained.get_score(id)) for id in range(trained.get_piece_size())]


def tokenizer(pieces, charsmap):
    """Hugging Face's tokenizer for XLM-R, of these pieces."""
    made = Tokenizer(models.Unigram(pieces, unk_id=3))
    made.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


def main():
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *train()[3:], ("<mask>", 0.0)]
    made = tokenizer(pieces, (HERE / "charsmap-nfkc.bin").read_bytes())
    cases = []
    for text in TEXTS:
        encoding = made.encode(text)
        cases.append({"text": text, "ids": encoding.ids, "offsets_chars": encoding.offsets})
    pairs = []
    for first, second in zip(TEXTS, TEXTS[5:]):
        pairs.append({"texts": [first, second], "ids": made.encode(first, second).ids})
    document = {"pieces": pieces, "cases": cases, "pairs": pairs}
    lines = [f'"{key}": [\n' + ",\n".join(json.dumps(x, ensure_ascii=False) for x in value) + "\n]"
             for key, value in document.items()]
    (HERE / "xlm-roberta.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
