"""The words the story engine knows, read from the JSON files beside this module.

Adding a verb, a role, a thing or a theme is an edit of those files. ``vocabulary`` spells every
entry out in all its forms; the models here are the files' schema and refuse what they do not know.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from entities.actions import ActionType
from entities.objects import ObjectType
from entities.scene import TimeOfDay, Weather
from entities.skeleton import ActorType
from entities.units import EARTH_GRAVITY

_OWN = ("his", "her", "their", "its", "my", "your", "the", "a", "both", "one")
"""What ``~`` stands for in a verb's phrase: "raise ~ hand"."""

_LIMBS = ("hand", "hands", "arm", "arms", "foot", "feet", "leg", "legs", "head", "knee", "elbow",
          "fist", "fists", "finger", "fingers", "shoulder", "mouth", "teeth")  # fmt: skip
_OES = ("go", "do", "undo", "forgo", "hero", "superhero", "potato", "tomato", "echo", "veto")
_QUALIFIES = ("side", "high", "low", "tip", "fist", "belly", "karate", "body", "slow", "tap",
              "line", "ice", "dog", "front", "goose", "crab", "double",
              "shadow")  # fmt: skip
_PARTICLES = ("up", "down", "off", "over", "out", "in", "about")
"""First words of verbs that are inflected at the end, "side steps", but not "lines up"."""
_ARTICLE = re.compile(r" (?:a|an|the) ")
_Strict = ConfigDict(extra="forbid", frozen=True)

Frame = Literal[
    "move", "stay", "aim", "pair", "strike", "send", "bat", "take", "use", "seat", "haul", "chase",
    "race", "meet", "game",
]  # fmt: skip


class Verb(BaseModel):
    """What a verb makes an actor do. ``distance`` is how far apart the two stand, in metres."""

    model_config = _Strict
    action: ActionType
    frame: Frame
    words: tuple[str, ...]
    relation: str | None = None  # what its object becomes: a place to go to, past, around ...
    needs: tuple[ObjectType, ...] = ()
    theme: str | None = None
    style: str | None = None
    distance: float = 0.8
    answer: ActionType | None = None  # what the other one does
    ball: bool = False  # meant for a ball; done to a person it is a blow
    special: Literal["stop"] | None = None
    turn: Literal["back"] | None = None


class Role(BaseModel):
    """Somebody a sentence can be about."""

    model_config = _Strict
    words: tuple[str, ...]
    type: ActorType = ActorType.HUMAN
    gender: Literal["m", "f", "n"] | None = None
    action: ActionType | None = None  # what they do if the sentence does not say
    gait: ActionType | None = None  # how they walk
    needs: tuple[ObjectType, ...] = ()
    place: str | None = None
    theme: str | None = None
    style: str | None = None
    scale: float | None = None
    color: str | None = None
    chases: bool = False  # a pursuer is after whoever runs
    distinct: bool = False  # its words are not synonyms: "the wolf" is not "the sheep"
    shown: str | None = None  # what stands in for it, said in the notice


class Theme(BaseModel):
    """Where a story plays; ``set`` is the stage that is drawn."""

    model_config = _Strict
    set: str
    words: tuple[str, ...]
    hints: tuple[str, ...] = ()
    crowd: bool = False
    gravity: float = EARTH_GRAVITY
    across: tuple[float, float] = (1.0, 0.0)
    weather: Weather = Weather.CLEAR  # where the sentence does not say
    time_of_day: TimeOfDay = TimeOfDay.DAY
    places: dict[str, str] = {}  # words: name of a place of the stage set


class Style(BaseModel):
    """How somebody moves, and the factor on their speed."""

    model_config = _Strict
    words: tuple[str, ...]
    speed: float = 1.0


class Likeness(BaseModel):
    """What tells a thing from others of its object type: a rose is a small bush."""

    model_config = _Strict
    scale: float = 1.0
    color: str | None = None


class VerbFile(BaseModel):
    """verbs.json."""

    model_config = _Strict
    about: str
    verbs: tuple[Verb, ...]
    aspect: dict[Literal["begin", "cease"], tuple[str, ...]]
    irregular: dict[str, tuple[str, str]]  # past, participle
    seconds: dict[str, float]  # how long an action takes if the sentence does not say


class RoleFile(BaseModel):
    """roles.json."""

    model_config = _Strict
    about: str
    roles: dict[str, Role]
    groups: dict[str, tuple[str, ...]]
    collectives: dict[str, int]  # "the red team", and how many that is
    plurals: dict[str, str]
    crowd: tuple[str, ...]


class WordFile(BaseModel):
    """words.json."""

    model_config = _Strict
    about: str
    determiners: tuple[str, ...]
    numbers: dict[str, int]
    quantities: dict[str, int]
    pronouns: dict[str, str]
    auxiliaries: tuple[str, ...]
    negations: tuple[str, ...]
    fillers: tuple[str, ...]
    links: dict[str, str]
    relatives: tuple[str, ...]
    speeds: dict[str, float]
    styles: dict[str, Style]
    sizes: dict[str, float]
    colors: dict[str, str]
    wear: tuple[str, ...]
    prepositions: dict[str, str]
    directions: dict[str, tuple[float, float]]
    manners: dict[str, str]
    times: dict[str, float]
    repeats: dict[str, int]
    things: dict[ObjectType, tuple[str, ...]]
    unseen: frozenset[str]  # things that no object type shows, and that are nobody either
    likenesses: dict[str, Likeness]  # words for a thing that is smaller, or of its own colour
    names: dict[Literal["m", "f", ""], tuple[str, ...]]  # first names, by gender
    holdable: tuple[ObjectType, ...]


class ThemeFile(BaseModel):
    """themes.json."""

    model_config = _Strict
    about: str
    themes: dict[str, Theme]
    things: dict[ObjectType, str]  # the theme a thing hints at
    weather: dict[Weather, tuple[str, ...]]
    time_of_day: dict[TimeOfDay, tuple[str, ...]]


@cache
def verbs() -> VerbFile:
    """What can be done."""
    return VerbFile.model_validate(_load("verbs.json"))


@cache
def roles() -> RoleFile:
    """Who can do it."""
    return RoleFile.model_validate(_load("roles.json"))


@cache
def words() -> WordFile:
    """Everything else a sentence is made of."""
    return WordFile.model_validate(_load("words.json"))


@cache
def themes() -> ThemeFile:
    """Where it can happen."""
    return ThemeFile.model_validate(_load("themes.json"))


def _load(name: str) -> Any:
    return json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to take a word: what kind it is, what it stands for, in which form."""

    kind: str
    value: Any
    form: str = ""  # of a verb: base, s, ing, ed, en; of a noun: one, many


@cache
def vocabulary() -> dict[str, tuple[Reading, ...]]:
    """Every known word and phrase, in every form, with all its readings."""
    found: dict[str, list[Reading]] = {}

    def add(text: str, kind: str, value: Any, form: str = "") -> None:
        readings = found.setdefault(text, [])
        if all((r.kind, r.form) != (kind, form) for r in readings):
            readings.append(Reading(kind, value, form))

    for verb in verbs().verbs:
        for phrase in verb.words:
            for form, text in verb_forms(phrase):
                for own in _OWN if " ~" in text else ("",):
                    add(text.replace("~", own), "verb", verb, form)
    for kind, starters in verbs().aspect.items():
        for phrase in starters:
            for form, text in verb_forms(phrase):
                add(text, kind, kind, form)
    for phrase in ("wear", "be dressed in"):
        for form, text in verb_forms(phrase):
            add(text, "wearing", None, form)
    for key, role in roles().roles.items():
        for word in role.words:
            add(word, "role", key, "many" if word in ("people", "folk", "folks") else "one")
            add(plural(word), "role", key, "many")
    for word in roles().groups:
        add(word, "group", word, "one")
        add(plural(word), "group", word, "many")
    for word, count in roles().collectives.items():
        add(word, "many", count, "one")
        add(plural(word), "many", count, "many")
    for word in roles().crowd:
        add(word, "crowd", word, "many")
    w = words()
    for thing, names in w.things.items():
        for word in names:
            add(word, "thing", thing, "one")
            add(plural(word), "thing", thing, "many")
    for key, theme in themes().themes.items():
        for word in theme.words:
            add(word, "theme", key)
        for word in theme.hints:
            add(word, "hint", key)
        for word in theme.places:
            add(word, "place", word)
    for weather, names in themes().weather.items():
        for word in names:
            add(word, "weather", weather)
    for time, names in themes().time_of_day.items():
        for word in names:
            add(word, "daytime", time)
    for style, entry in w.styles.items():
        for word in entry.words:
            add(word, "style", style)
    for kind, table in (
        ("quantity", w.quantities), ("pron", w.pronouns), ("link", w.links), ("speed", w.speeds),
        ("size", w.sizes), ("color", w.colors), ("prep", w.prepositions), ("dir", w.directions),
        ("manner", w.manners), ("repeat", w.repeats), ("num", w.numbers),
    ):  # fmt: skip
        for word, value in table.items():
            add(word, kind, value)
    for kind, names in (
        ("det", w.determiners), ("aux", w.auxiliaries), ("neg", w.negations), ("rel", w.relatives),
        ("wear", w.wear), ("filler", w.fillers), ("time", tuple(w.times)),
    ):  # fmt: skip
        for word in names:
            add(word, kind, word)
    for gender, names in w.names.items():
        for word in names:
            add(word, "name", word.title(), gender)
    for own in ("his", "her", "their", "its", "the", "one", "a", "both"):
        for side in ("", " left", " right", " bare"):
            for part in _LIMBS:
                add(f"with {own}{side} {part}", "filler", part)
    for text in [text for text, known in found.items() if known[0].kind == "verb"]:
        short = _ARTICLE.sub(" ", text)  # "make phone call"
        if short not in found and " " in short:
            found[short] = found[text]
    for verb in verbs().verbs:
        for word in verb.words:
            if " " not in word and "~" not in word:
                for form, text in (("one", _agent(word)), ("many", _agent(word) + "s")):
                    if text not in found:
                        add(text, "role", "person", form)
    return {text: tuple(readings) for text, readings in found.items()}


@cache
def known_words() -> frozenset[str]:
    """Every single word of every known phrase."""
    return frozenset(word for phrase in vocabulary() for word in phrase.split())


@cache
def longest_phrase() -> int:
    """Words in the longest known phrase."""
    return max(text.count(" ") for text in vocabulary()) + 1


def verb_forms(phrase: str) -> list[tuple[str, str]]:
    """The forms of a verb phrase: its first word inflected, the rest as it is."""
    first, _, rest = phrase.partition(" ")
    tail = f" {rest}" if rest else ""
    if rest and first in _QUALIFIES and rest.split()[0] not in _PARTICLES:
        return [(form, f"{first} {text}") for form, text in verb_forms(rest)]
    if first == "be":
        known = (("base", "be"), ("s", "is"), ("s", "are"), ("ing", "being"))
        return [(form, text + tail) for form, text in known] if rest else [("base", "be")]
    ed = _past(first)
    past, participle = verbs().irregular.get(first, (ed, ed))
    return [
        ("base", first + tail),
        ("s", third_person(first) + tail),
        ("ing", _gerund(first) + tail),
        ("ed", past + tail),
        ("en", participle + tail),
    ]


def _agent(verb: str) -> str:
    """Who does it: ``jog`` gives ``jogger``."""
    return _gerund(verb)[:-3] + ("r" if verb.endswith("e") and _gerund(verb)[-4] == "e" else "er")


def third_person(verb: str) -> str:
    """What he or she does: ``run`` gives ``runs``."""
    return {"have": "has", "be": "is"}.get(verb) or _with_s(verb)


def plural(noun: str) -> str:
    """More than one of a noun phrase, whose last word is inflected."""
    start, _, last = noun.rpartition(" ")
    many = roles().plurals.get(noun) or roles().plurals.get(last) or _with_s(last)
    return f"{start} {many}" if start and noun not in roles().plurals else many


def _with_s(word: str) -> str:
    if word.endswith(("s", "sh", "ch", "x", "z")) or word in _OES:
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def _doubles(word: str) -> bool:
    """Whether the last consonant doubles: short stressed words such as jog, hop, bat."""
    ends = len(word) >= 3 and word[-1] not in "aeiouwxy" and word[-2] in "aeiou"
    vowels = sum(letter in "aeiou" for letter in word.replace("qu", "q"))
    return ends and word[-3] not in "aeiou" and vowels == 1


def _gerund(word: str) -> str:
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return word[:-1] + "ing"
    return word + (word[-1] if _doubles(word) else "") + "ing"


def _past(word: str) -> str:
    if word.endswith("e"):
        return word + "d"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ied"
    return word + (word[-1] if _doubles(word) else "") + "ed"
