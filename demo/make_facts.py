#!/usr/bin/env python3
"""Makes the demo facts and the questions that test them from the tables in this folder.

    python3 make_facts.py           writes facts.jsonl, paraphrases.jsonl and unknown.jsonl
    python3 make_facts.py --check   writes nothing; fails where those files are not what the tables give

`relations.json` says which column of which table answers what, and in which words it is asked. The first wording of
a relation is the question; each row takes the next few of the others as its paraphrases, starting one further than
the row before, so that neighbours are asked about in different words.
"""

import csv
import json
import re
import sys
import unicodedata
from pathlib import Path

FOLDER = Path(__file__).parent
PARAPHRASES = 3


def rows(name):
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def slug(text):
    """Text as it stands in an id: lower-case ASCII, words joined by hyphens, without an article."""
    text = unicodedata.normalize("NFKD", text.lower().removeprefix("the ").replace("+", "p"))
    return re.sub(r"[^a-z0-9]+", "-", text.encode("ascii", "ignore").decode()).strip("-")


def filled(wording, name, article):
    """A wording with its subject put in, after its article if it has one."""
    subject = f"{article} {name}" if article else name
    possessive = subject + ("'" if subject.endswith("s") else "'s")
    text = wording.replace("{subject's}", possessive).replace("{subject}", subject)
    return text[0].upper() + text[1:] if wording.startswith("{") else text


def facts_of(relation):
    """One fact for each row of the relation's table that has an answer."""
    question, *others = relation["wordings"]
    for index, row in enumerate(rows(relation["table"])):
        if not row[relation["answer"]]:
            continue
        name, article = row[relation["subject"]], row.get("article", "")
        chosen = [others[(index + step) % len(others)] for step in range(PARAPHRASES)]
        yield {
            "id": relation["id"].format(**{column: slug(text) for column, text in row.items()}),
            "question": filled(question, name, article),
            "paraphrases": [filled(wording, name, article) for wording in chosen],
            "answer": row[relation["answer"]],
            "source": relation["source"],
        }


def same(question):
    """What two spellings of one question have in common: all but case, spaces and final punctuation."""
    return " ".join(question.casefold().split()).rstrip("?!. ")


def check(facts, others):
    """Fails where an id or a wording occurs twice, or one of the other questions is a wording of a fact."""
    ids = set()
    asked = {}
    for fact in facts:
        if fact["id"] in ids:
            sys.exit(f"two facts have the id {fact['id']}")
        ids.add(fact["id"])
        for question in [fact["question"], *fact["paraphrases"]]:
            if same(question) in asked:
                sys.exit(f"`{question}` is asked by {asked[same(question)]} and {fact['id']}")
            asked[same(question)] = fact["id"]
    for line in others:
        if same(line["question"]) in asked:
            sys.exit(f"`{line['question']}` is already asked by {asked[same(line['question'])]}")
        asked[same(line["question"])] = "another line"


def main():
    relations = json.loads((FOLDER / "relations.json").read_text(encoding="utf-8"))
    facts = [fact for relation in relations for fact in facts_of(relation)]
    answers = {fact["id"]: fact["answer"] for fact in facts}
    paraphrases = [
        {"question": row["question"], "id": row["id"], "answer": answers[row["id"]]} for row in rows("paraphrases.csv")
    ]
    unknown = [{"question": row["question"], "id": None, "answer": None} for row in rows("unknown.csv")]
    check(facts, paraphrases + unknown)

    files = {"facts.jsonl": facts, "paraphrases.jsonl": paraphrases, "unknown.jsonl": unknown}
    for name, lines in files.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        if "--check" not in sys.argv[1:]:
            (FOLDER / name).write_text(text, encoding="utf-8")
        elif (FOLDER / name).read_text(encoding="utf-8") != text:
            sys.exit(f"{name} is not what the tables give: run make_facts.py")
        print(f"{name}: {len(lines)} lines")


if __name__ == "__main__":
    main()
