"""The vocabulary of the story engine, read once from the JSON files beside this module.

Adding a verb, a role, an object or a theme is an edit of those files. ``vocabulary`` lists every
entry in all its forms; the models here are the files' schema and refuse unknown keys.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from entities.actions import ACTION_FILES, ActionType
from entities.objects import ObjectType
from entities.scene import TimeOfDay, Weather
from entities.skeleton import ActorType
from entities.units import EARTH_GRAVITY

_ARTICLE = re.compile(r" (?:a|an|the) ")
_Strict = ConfigDict(extra="forbid", frozen=True)

Frame = Literal[
    "move", "stay", "aim", "pair", "strike", "send", "bat", "take", "use", "seat", "haul", "chase",
    "race", "meet", "game",
]  # fmt: skip


class Verb(BaseModel):
    """A verb and the action it stands for. distance: metres between the two it is about."""

    model_config = _Strict
    action: ActionType
    frame: Frame
    words: tuple[str, ...]
    relation: str | None = None  # what its object becomes: a place to go to, past, around ...
    needs: tuple[ObjectType, ...] = ()
    theme: str | None = None
    style: str | None = None
    distance: float = 0.8
    answer: ActionType | None = None  # action of the one it is done to
    ball: bool = False  # its object is a ball; with a person as object it is a blow
    special: Literal["stop"] | None = None
    turn: Literal["back"] | None = None


class Role(BaseModel):
    """A kind of actor a sentence can be about."""

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
    chases: bool = False  # a pursuer: without an action of its own it chases whoever runs
    distinct: bool = False  # its words are not synonyms: "the wolf" is not "the sheep"
    shown: str | None = None  # the kind of actor drawn instead, named in the notice


class Theme(BaseModel):
    """A place where a story plays. set: name of the stage set that is drawn."""

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
    """A style of moving and its factor on speed."""

    model_config = _Strict
    words: tuple[str, ...]
    speed: float = 1.0


class Likeness(BaseModel):
    """How an object differs from others of its type: a rose is a small bush."""

    model_config = _Strict
    scale: float = 1.0
    color: str | None = None


class VerbFile(BaseModel):
    """Schema of verbs.json."""

    model_config = _Strict
    about: str
    verbs: tuple[Verb, ...]
    aspect: dict[Literal["begin", "cease"], tuple[str, ...]]
    irregular: dict[str, tuple[str, str]]  # past, participle
    seconds: dict[str, float]  # how long an action takes if the sentence does not say
    qualifiers: tuple[str, ...]  # first words that stay as they are: "side steps"
    inflected_before: tuple[str, ...]  # unless one of these follows: "lines up"
    carriers: tuple[str, ...]  # verbs that may carry another: "does two cartwheels"
    performing: tuple[str, ...]  # verbs that may stand for "do": "performs a jump"
    light: tuple[str, ...]  # third person; they only carry the next verb: "gives him a hug"
    gait_changes: tuple[str, ...]  # "slows down to a walk", "breaks into a run"
    takes_off: tuple[str, ...]  # third person, of an object that leaves the ground
    lands: tuple[str, ...]  # third person, of an object that meets the ground
    gives: tuple[str, ...]  # third person, of an actor that hands an object to another
    goes: tuple[str, ...]  # third person, verbs that do not say how an actor goes


class RoleFile(BaseModel):
    """Schema of roles.json."""

    model_config = _Strict
    about: str
    roles: dict[str, Role]
    groups: dict[str, tuple[str, ...]]
    collectives: dict[str, int]  # words such as "team", and how many people they are
    plurals: dict[str, str]
    crowd: tuple[str, ...]
    bands: frozenset[str]  # groups that play instruments unless the sentence says otherwise
    not_players: frozenset[str]  # roles and words that "the player" never means


class WordFile(BaseModel):
    """Schema of words.json."""

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
    unseen: frozenset[str]  # objects that no object type shows; they are no people either
    likenesses: dict[str, Likeness]  # by word for an object of another size or colour
    names: dict[Literal["m", "f", ""], tuple[str, ...]]  # first names, by gender
    holdable: tuple[ObjectType, ...]
    possessives: tuple[str, ...]
    phrase_owners: tuple[str, ...]  # what ``~`` stands for in a verb's phrase: "raise ~ hand"
    limb_owners: tuple[str, ...]  # "with his left hand"
    limbs: tuple[str, ...]
    approximations: tuple[str, ...]  # before a number: "about thirty"
    particles: tuple[str, ...]  # they may follow the object: "picks it up"
    lengths: dict[str, float]  # units in metres
    trade_endings: tuple[str, ...]  # of names of trades: an unknown word with one is a person


class SpellingFile(BaseModel):
    """Schema of spelling.json. A text is corrected in the order of its tables."""

    model_config = _Strict
    about: str
    contractions: dict[str, str]
    respellings: dict[str, str]
    neighbours: dict[str, str]  # letters beside each on the keyboard, or that sound alike
    before_space: tuple[str, ...]  # around a space that a slip moved by a letter: "tot he"
    after_space: tuple[str, ...]
    plural_es: tuple[str, ...]  # words in o that take -es


class ThemeFile(BaseModel):
    """Schema of themes.json."""

    model_config = _Strict
    about: str
    themes: dict[str, Theme]
    things: dict[ObjectType, str]  # the theme an object hints at
    weather: dict[Weather, tuple[str, ...]]
    time_of_day: dict[TimeOfDay, tuple[str, ...]]


@cache
def verbs() -> VerbFile:
    """Verbs: what can be done. Those in an action's own file come first, and so win."""
    listed = VerbFile.model_validate(_load("verbs.json"))
    own = [
        Verb.model_validate({"action": action, **entry})
        for action, file in ACTION_FILES.items()
        for entry in file.verbs
    ]
    return listed.model_copy(update={"verbs": (*own, *listed.verbs)})


@cache
def roles() -> RoleFile:
    """Roles: who can do it."""
    return RoleFile.model_validate(_load("roles.json"))


@cache
def words() -> WordFile:
    """All other words of a sentence, objects included."""
    return WordFile.model_validate(_load("words.json"))


@cache
def spelling() -> SpellingFile:
    """Spellings and misspellings."""
    return SpellingFile.model_validate(_load("spelling.json"))


@cache
def themes() -> ThemeFile:
    """Themes: where it can happen."""
    return ThemeFile.model_validate(_load("themes.json"))


def _load(name: str) -> Any:
    return json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a word: its kind, what it stands for and its grammatical form."""

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
                for own in words().phrase_owners if " ~" in text else ("",):
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
    for kind, names in w.things.items():
        for word in names:
            add(word, "thing", kind, "one")
            add(plural(word), "thing", kind, "many")
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
    for own in w.limb_owners:
        for side in ("", " left", " right", " bare"):
            for part in w.limbs:
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


def verb_for(action: ActionType, frame: Frame | None = None) -> Verb:
    """The first verb of the lexicon with that action, and that frame where one is given.

    Raises ValueError if no verb has them: a new action's file must name one.
    """
    for verb in verbs().verbs:
        if verb.action is action and frame in (None, verb.frame):
            return verb
    raise ValueError(f"{action.value}.json: verbs: none, and none in verbs.json; expected one")


def spoken(phrase: str) -> str:
    """A verb's phrase as a sentence has it: ``take a seat`` gives ``takes a seat``."""
    first, _, rest = phrase.partition(" ")
    return f"{third_person(first)} {rest}".strip()


def verb_forms(phrase: str) -> list[tuple[str, str]]:
    """The forms of a verb phrase: its first word inflected, the rest as it is."""
    first, _, rest = phrase.partition(" ")
    tail = f" {rest}" if rest else ""
    known = verbs()
    if rest and first in known.qualifiers and rest.split()[0] not in known.inflected_before:
        return [(form, f"{first} {text}") for form, text in verb_forms(rest)]
    if first == "be":
        forms = (("base", "be"), ("s", "is"), ("s", "are"), ("ing", "being"))
        return [(form, text + tail) for form, text in forms] if rest else [("base", "be")]
    ed = _past(first)
    past, participle = known.irregular.get(first, (ed, ed))
    return [
        ("base", first + tail),
        ("s", third_person(first) + tail),
        ("ing", _gerund(first) + tail),
        ("ed", past + tail),
        ("en", participle + tail),
    ]


def _agent(verb: str) -> str:
    """The noun of who does it: ``jog`` gives ``jogger``."""
    return _gerund(verb)[:-3] + ("r" if verb.endswith("e") and _gerund(verb)[-4] == "e" else "er")


def third_person(verb: str) -> str:
    """The third person of a verb: ``run`` gives ``runs``."""
    return {"have": "has", "be": "is"}.get(verb) or _with_s(verb)


def plural(noun: str) -> str:
    """The plural of a noun phrase, whose last word is inflected."""
    start, _, last = noun.rpartition(" ")
    many = roles().plurals.get(noun) or roles().plurals.get(last) or _with_s(last)
    return f"{start} {many}" if start and noun not in roles().plurals else many


def _with_s(word: str) -> str:
    """A word with the ending of plurals and of the third person."""
    if word.endswith(("s", "sh", "ch", "x", "z")) or word in spelling().plural_es:
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
    """The -ing form of a verb: ``jog`` gives ``jogging``."""
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return word[:-1] + "ing"
    return word + (word[-1] if _doubles(word) else "") + "ing"


def _past(word: str) -> str:
    """The regular past of a verb: ``jog`` gives ``jogged``."""
    if word.endswith("e"):
        return word + "d"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ied"
    return word + (word[-1] if _doubles(word) else "") + "ed"
