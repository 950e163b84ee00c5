"""Text to units: spelling is corrected, then words and phrases get all their readings."""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sim.story.language.lexicon import (
    Reading,
    known_words,
    longest_phrase,
    spelling,
    verb_forms,
    verbs,
    vocabulary,
    words,
)

MAX_PROMPT = 2_000
EXAMPLE = 'try "a man runs to the tree, then waves"'

_PLAIN = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2019": "'", "\u2018": "'", "\u2014": ", "}
)
"""Typographic quotes and dashes in ASCII."""
_TOKEN = re.compile(r'"[^"]*"|\d+(?:\.\d+)?|[^\W\d_]+|[.,;:!?]|\S')
_ONE_OF = re.compile(
    r"\b(?:only )?the \w+(?:est|first|last|best) (?:one )?of (?=the\b|his\b|her\b)", re.I
)
"""A superlative means one: "the tallest of the three boys"."""
_LABELLED = re.compile(r"\bnumber (?=\d+\b)", re.I)
_COMPOUND = re.compile(
    r"\b\w+(?:-\w+)?-(?:\w{2,}ed|like|old|tall|long|high|story|piece|time)\b", re.I
)
_NOUN_STARTS = ("det", "pron", "quantity", "num", "color", "size", "style", "role", "thing", "name")
_POWER = re.compile(r"\b(\d{1,3}(?:\.\d{1,6})?)(?:\^|[eE]\+?)(\d{1,2})\b")
"""Powers such as 1e9; 10^9 is read the same way, far too many in either reading."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(slots=True)
class Unit:
    """A word or phrase read as one; it spans tokens ``start`` to ``end``, the last excluded."""

    text: str
    readings: tuple[Reading, ...]
    start: int
    end: int

    def get(self, kind: str) -> Reading | None:
        """The reading of that kind, if there is one."""
        for reading in self.readings:
            if reading.kind == kind:
                return reading
        return None

    def any(self, *kinds: str) -> Reading | None:
        """The first reading of one of the kinds, in the order asked."""
        for kind in kinds:
            if (reading := self.get(kind)) is not None:
                return reading
        return None


def check_length(text: str) -> None:
    """Raises ValueError for a prompt that is empty or too long."""
    if not text.strip():
        raise ValueError(f"the prompt is empty; {EXAMPLE}")
    if len(text) > MAX_PROMPT:
        raise ValueError(
            f"the prompt has {len(text):,} characters; at most {MAX_PROMPT:,} are read; {EXAMPLE}"
        )


def tokens(text: str) -> list[str]:
    """Words, numbers, quotes and punctuation of a text with its spelling corrected.

    Order and case are the text's own.
    """
    text = unicodedata.normalize("NFKC", text)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = text.translate(_PLAIN)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = _POWER.sub(lambda found: str(round(float(f"{found[1]}e{found[2]}"))), text)
    for short, full in spelling().contractions.items():
        text = re.sub(short + r"\b", full, text, flags=re.IGNORECASE)
    text = re.sub(r"\b(he|she|it|that|there|who|one)'s\b", r"\1 is", text, flags=re.IGNORECASE)
    text = re.sub(r"\blet's\b", "let us", text, flags=re.IGNORECASE)
    text = _COMPOUND.sub(_without_compound, text)
    text = _LABELLED.sub("player ", _ONE_OF.sub("one of ", text))
    text = re.sub(r"(?<=\w)'s?(?=\s|$)|(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"(?<=\d)(?=[a-zA-Z])", " ", text)
    text = re.sub(r"(?<![\w'])'([^']{1,200})'(?!\w)", r'"\1"', text)
    for wrong, right in spelling().respellings.items():
        if wrong in text.lower():
            text = re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", right, text, flags=re.IGNORECASE)
    found = _respaced([token for token in _TOKEN.findall(text) if token.strip()])
    return _joined([_respelled(token) for token in found])


def plain(token: str) -> str:
    """A word as the lexicon spells it: in lower case, Latin letters without accents."""
    low = token.lower()
    if low.isascii():
        return low
    letters = unicodedata.normalize("NFKD", low)
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return bare if bare.isascii() and bare.isalpha() else low


def _respaced(found: list[str]) -> list[str]:
    """Tokens with a space moved back that slipped by a letter: "tot he" is "to the"."""
    before, after = spelling().before_space, spelling().after_space
    for k in range(len(found) - 1):
        first, second = found[k].lower(), found[k + 1].lower()
        if first[:-1] in before and first[-1:] + second in after:
            found[k : k + 2] = [first[:-1], first[-1:] + second]
    return found


def _without_compound(found: re.Match[str]) -> str:
    """Empty for an unknown compound such as "one-legged": its number is no count of actors."""
    return found[0] if found[0].lower().replace("-", " ") in vocabulary() else ""


def _respelled(token: str) -> str:
    """A token with its typo corrected, unless it may be a name."""
    low = plain(token)
    if not token.isalpha() or low in known_words() or (token[0].isupper() and not token.isupper()):
        return token
    if low.endswith("in") and low + "g" in known_words():
        return token + "g"  # "runnin"
    if low.endswith("es") and any(r.form == "s" for r in vocabulary().get(low[:-2] + "s", ())):
        return token[:-2] + "s"  # "walkes"
    slip = _respell(low)
    doubled = slip is not None and len(low) == 3 and slip == low + low[-1]  # "tre", "bal"
    return token if slip is None or (_is_english(low) and not doubled) else slip


def _is_english(word: str) -> bool:
    """Whether an unknown word is an English word, not a typo."""
    stems = (word, word[:-1], word[:-2], word[:-3], word[:-3] + "y", word[:-4])
    return any(
        stem in _english() and (word == stem or word in {text for _, text in verb_forms(stem)})
        for stem in stems
        if len(stem) > 2
    )


@cache
def _english() -> frozenset[str]:
    """Whole words of the bundled encoder's vocabulary; empty where it is not installed."""
    path = resources.files("assets").joinpath("models", "minilm_tokenizer.json")
    if not path.is_file():
        return frozenset()
    vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    return frozenset(word for word in vocabulary if word.isalpha())


def _joined(raw: list[str]) -> list[str]:
    """Tokens with each particle beside its verb: "picks it up" becomes "picks up it"."""
    table, lower = vocabulary(), [plain(token) for token in raw]
    particles = words().particles

    def kinds(k: int, *wanted: str) -> bool:
        return k < len(raw) and any(r.kind in wanted for r in table.get(lower[k], ()))

    for i in range(len(raw) - 2):
        for j in range(i + 2, min(i + 6, len(raw))):
            if lower[j] in particles:
                verb = any(r.kind == "verb" for r in table.get(f"{lower[i]} {lower[j]}", ()))
                if verb and not kinds(j + 1, *_NOUN_STARTS):
                    raw.insert(i + 1, raw.pop(j))
                    lower.insert(i + 1, lower.pop(j))
                break
            if not (lower[j - 1].isalpha() and kinds(i + 1, *_NOUN_STARTS)) or kinds(j, "stop"):
                break
            if not lower[j].isalpha() or kinds(j, "link", "prep", "aux"):
                break
    return raw


def units(raw: list[str]) -> list[Unit]:
    """Group tokens into the longest known phrases; times become ``for``, ``delay``, ``at``."""
    found: list[Unit] = []
    lower = [plain(token) for token in raw]
    i = 0
    while i < len(raw):
        performed = _performed(lower, i)
        found += performed or [_timing(lower, i) or _phrase(raw, lower, i)]
        i = found[-1].end
    return found


@cache
def _performs() -> dict[str, str]:
    """The grammatical form of every form of the verbs that may stand for "do"."""
    return {text: form for verb in verbs().performing for form, text in verb_forms(verb)}


def _steps_taken(lower: list[str], i: int) -> list[Unit] | None:
    """Units of "takes two steps back" as a walk over a distance; None for anything else."""
    if lower[i] not in ("take", "takes", "took", "taking", "taken"):
        return None
    one = (1.0, i + 2) if lower[i + 1 : i + 2] in (["a"], ["one"]) else None
    number = number_at(lower, i + 1) or one
    few = lower[i + 1 : i + 3] == ["a", "few"] or lower[i + 1 : i + 2] in (["some"], ["several"])
    number = (3.0, i + 2 + (lower[i + 1] == "a")) if few else number
    if number is None or lower[number[1] : number[1] + 1] not in (["step"], ["steps"]):
        return None
    end = number[1] + 1
    back = lower[end : end + 1] in (["back"], ["backward"], ["backwards"])
    name = "walk backwards" if back else "walk"
    known = next(r for r in vocabulary()[name] if r.kind == "verb")
    form = next(f for f, text in verb_forms("take") if text == lower[i])
    walk = Unit(name, (Reading("verb", known.value, form),), i, end + back)
    return [
        walk,
        Unit(
            "metres",
            (Reading("metres", words().lengths["step"] * number[0]),),
            end + back,
            end + back,
        ),
    ]


def _performed(lower: list[str], i: int) -> list[Unit]:
    """Units of "performs three jumping jacks" as "do jumping jacks", three times; else empty."""
    if (stepped := _steps_taken(lower, i)) is not None:
        return stepped
    form, j, count = _performs().get(lower[i]), i + 1, 1
    if form is None or j >= len(lower):
        return []
    if (number := number_at(lower, j)) is not None:
        count, j = int(min(max(number[0], 1), 20)), number[1]
    elif lower[j] in ("a", "an", "some", "his", "her", "the"):
        j += 1
    if lower[i] in ("do", "does", "did", "doing") and count == 1:
        return []  # the lexicon has those as they are
    for n in range(min(4, len(lower) - j), 0, -1):
        rest = " ".join(lower[j : j + n])
        names = (f"do {rest}", f"do a {rest}", f"do a {rest.removesuffix('s')}")
        for name in names:
            known = next((r for r in vocabulary().get(name, ()) if r.kind == "verb"), None)
            if known is not None:
                act = Unit(name, (Reading("verb", known.value, form),), i, j + n)
                again = Unit("times", (Reading("repeat", count),), j + n, j + n)
                return [act, again] if count > 1 else [act]
    return []


def _phrase(raw: list[str], lower: list[str], i: int) -> Unit:
    """The unit at token ``i``: the longest known phrase, or one token of another kind."""
    token = lower[i]
    if token[0] == '"':
        return Unit(token, (Reading("say", raw[i].strip('"').strip()),), i, i + 1)
    if token in ".;!?":
        return Unit(token, (Reading("stop", token),), i, i + 1)
    if token in ",:":
        return Unit(token, (Reading("comma", token),), i, i + 1)
    if _NUMBER.fullmatch(token):
        sign = -1.0 if i and lower[i - 1] == "-" else 1.0
        return Unit(token, (Reading("num", sign * float(token)),), i, i + 1)
    if len(token) == 1 and raw[i] in "ABCDEFGHJKLMNXYZ" and i and lower[i - 1] in _labelled():
        return Unit(token, (Reading("label", token),), i, i + 1)
    table = vocabulary()
    for n in range(min(longest_phrase(), len(lower) - i), 0, -1):
        text = " ".join(lower[i : i + n])
        several = n > 1 and i > 0 and lower[i - 1] in ("a", "an")  # "a bus stops" is not bus stops
        if text in table and not (several and all(r.form == "many" for r in table[text])):
            return Unit(text, table[text], i, i + n)
    if not token.isalpha():
        return Unit(token, (Reading("filler", token),), i, i + 1)
    if raw[i][0].isupper() and len(token) > 1:
        return Unit(token, (Reading("name", raw[i]),), i, i + 1)
    return Unit(token, (Reading("unknown", token),), i, i + 1)


@cache
def _labelled() -> frozenset[str]:
    """Words a letter may follow as a label: "person A"."""
    return frozenset(t for t, found in vocabulary().items() if any(r.kind == "role" for r in found))


def _respell(token: str) -> str | None:
    """The first known word that is one keyboard slip away; None if there is none."""
    n = len(token)
    known, near = known_words(), spelling().neighbours
    if n == 3 and token.isascii():
        first, middle, last = token
        swapped = (middle + first + last, first + last + middle, token + last)
        swapped = (*swapped, first + middle + middle + last)  # "dor"
        return next((slip for slip in swapped if slip in known), None)
    if n < 4 or not token.isascii():
        return None
    swaps = (
        token[:k] + token[k + 1] + token[k] + token[k + 2 :]
        for k in range(n - 1)
        if token[k] != token[k + 1]
    )
    doubles = (
        token[:k] + token[k + 1 :]
        for k in range(1, n)
        if token[k] == token[k - 1] or (n >= 7 and k < n - 1)
    )
    inserts = (token[:k] + c + token[k:] for k in range(1, n + 1) for c in near)
    changes = (token[:k] + c + token[k + 1 :] for k in range(1, n) for c in near[token[k]])
    twice = (token[:k] + token[k] + token[k:] for k in range(1, n))
    for slips in (twice, swaps, doubles, inserts, changes) if n >= 5 else (swaps, twice, inserts):
        for slip in slips:
            if slip in known and len(slip) >= 4:
                return slip
    return None


def number_at(lower: list[str], i: int) -> tuple[float, int] | None:
    """A number in digits or words at token ``i``, and the token after it."""
    if i < len(lower) and _NUMBER.fullmatch(lower[i]):
        return float(lower[i]), i + 1
    table, total, j = words().numbers, 0, i
    while j < len(lower) and lower[j] in table:
        value = table[lower[j]]
        if value >= 100:
            total = max(total, 1) * value
        elif j > i and not (total % 100 >= 20 and total % 10 == 0 and value < 10) and total % 100:
            break
        else:
            total += value
        j += 1
        if value >= 100 and j + 1 < len(lower) and lower[j] == "and" and lower[j + 1] in table:
            j += 1
    return (float(total), j) if j > i else None


def _timing(lower: list[str], i: int) -> Unit | None:
    """A time, a repetition or a distance that starts at token ``i``."""
    first, j = lower[i], i
    if first in ("for", "after", "in", "at", "within", "during") and i + 1 < len(lower):
        j = i + 1
    while j < len(lower) and lower[j] in ("about", "around", "another", "exactly", "roughly"):
        j += 1
    amount = number_at(lower, j)
    if amount is None and j > i and j < len(lower) and lower[j] in ("a", "an", "some", "the"):
        amount = (1.0, j + 1)
        if lower[j + 1 : j + 2] == ["few"]:
            amount = (3.0, j + 2)
        elif lower[j + 1 : j + 3] == ["couple", "of"]:
            amount = (2.0, j + 3)
        elif lower[j + 1 : j + 2] == ["long"]:
            amount = (2.0, j + 2)
    if amount is None:
        return None
    value, k = amount
    if k >= len(lower):
        return None
    word = lower[k]
    if word == "times" and j == i:
        return Unit("times", (Reading("repeat", int(min(value, 50))),), i, k + 1)
    if word in words().lengths:
        if j > i and first not in ("for", "about"):
            return None
        return Unit("metres", (Reading("metres", value * words().lengths[word]),), i, k + 1)
    if word not in words().times or (word in ("s", "min") and not lower[k - 1][0].isdigit()):
        return None
    seconds, end = value * words().times[word], k + 1
    if lower[end : end + 1] in (["later"], ["after"]) or first in ("after", "in"):
        late = lower[end : end + 1] in (["later"], ["after"])
        return Unit("delay", (Reading("delay", seconds),), i, end + late)
    if first == "at":
        return Unit("at", (Reading("at", seconds),), i, end)
    return Unit("for", (Reading("for", seconds),), i, end)
