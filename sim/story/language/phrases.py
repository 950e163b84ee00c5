"""Noun phrases: who or what, how many, which ones."""

from dataclasses import dataclass, field, replace
from functools import cache

from sim.story.language.lexicon import Reading, Verb, plural, roles, words
from sim.story.language.reading import Unit

HEADS = ("pron", "role", "group", "many", "crowd", "thing", "place", "theme", "wear", "name")
_BEFORE = ("det", "num", "quantity", "color", "size", "style", "speed", "weather")
_MANY = ("people", "folk", "folks", "food")
_YOUNG = ("boy", "girl", "child", "baby")
"""Roles that prevail over the role after them: "a boy scout", "my baby brother"."""
LONGEST = 60
"""Words before a noun that are read as one phrase with it; nobody says as many."""
HALF = -2
"""Value of Noun.part: every second one acts."""
DEFAULT_MANY = 3
"""Number of a plural without a number, such as "dogs"."""


@dataclass(slots=True)
class Noun:
    """A noun phrase: its kind, what it stands for and how it is described."""

    kind: str  # pron, role, group, crowd, thing, place, theme, viewer, unknown
    key: object  # role key, object type, place name, theme, pronoun class
    word: str = ""
    count: int = 1
    counted: bool = False  # a number or quantity was said
    many: bool = False
    definite: bool = False
    other: bool = False
    own: bool = False  # "his": the owner is not meant
    part: int = 0  # how many of them act: "one of the three girls"
    teams: int = 0  # number of teams: "two teams of 3"
    gender: str | None = None  # of a name
    side: float = 0.0  # -1 "on the left", 1 "on the right"
    color: str | None = None
    style: str | None = None
    team: str | None = None
    size: float = 1.0
    name: str | None = None
    where: list[tuple[str, "Noun"]] = field(default_factory=list)  # "on the bench"
    props: list["Noun"] = field(default_factory=list)  # "with a bat"
    doing: Verb | None = None  # "a screaming girl"

    @property
    def acts(self) -> bool:
        """Whether this can be an actor."""
        return self.kind in ("role", "group", "crowd", "pron", "unknown")


def starts_noun(units: list[Unit], i: int) -> bool:
    """Whether a noun phrase can start at unit ``i``."""
    while i < len(units):
        unit = units[i]
        if unit.any("det", "quantity", "pron", "role", "group", "many", "crowd", "name", "num"):
            return True
        if _is_approximation(units, i):
            return True
        if not unit.any("color", "size", "style"):
            return unit.any("thing", "place", "theme") is not None
        i += 1
    return False


def read_noun(units: list[Unit], i: int) -> tuple[Noun | None, int]:
    """The noun phrase at unit ``i`` and the unit after it; None if there is no head."""
    noun = Noun("unknown", None)
    start = i
    while i < min(len(units), start + LONGEST):
        unit = units[i]
        if unit.text in ("one", "ones") and i > start:
            break
        if reading := unit.get("pron"):
            ordinal = reading.value in ("first", "second", "third") and _head_follows(
                units, i + 1, near=True
            )
            stands_alone = not ordinal and not (unit.get("det") and _head_follows(units, i + 1))
            noun.definite = noun.definite or ordinal
            if stands_alone:
                noun.kind, noun.key, noun.word = "pron", reading.value, unit.text
                if reading.value == "viewer":
                    noun.kind = "viewer"
                return noun, _skip_others(units, i + 1)
            noun.other = noun.other or unit.text in ("other", "the other", "another", "the second")
            if unit.text == "both":
                noun.count, noun.counted, noun.definite = 2, True, True
        elif _is_approximation(units, i):
            pass  # "about thirty people"
        elif unit.any("role", "group", "many", "crowd") and not _adjective_use(units, i):
            break
        elif reading := unit.get("num"):
            if _is_place(units, i):
                break
            noun.count, noun.counted = int(min(max(reading.value, -(10**9)), 10**9)), True
            i = _spelled_number(units, i, noun)
            continue
        elif reading := unit.get("quantity"):
            noun.count, noun.counted = max(reading.value, noun.count if noun.counted else 0), True
        elif reading := unit.get("color"):
            noun.color = reading.value
        elif reading := unit.get("size"):
            noun.size = reading.value
        elif reading := unit.get("style"):
            noun.style = reading.value
        elif unit.get("det"):
            noun.definite = noun.definite or unit.text not in ("a", "an", "another", "any", "each")
            noun.own = noun.own or unit.text in words().possessives
            if unit.text == "one of the":
                noun.part, noun.many = 1, True
            if unit.text.startswith("half"):
                noun.part, noun.many = HALF, True
            if unit.text == "no":
                noun.count, noun.counted = 0, True
            if unit.text in ("both", "both of the"):
                noun.count, noun.counted, noun.definite = 2, True, True
        elif unit.text == "of" and noun.counted and _head_follows(units, i + 1):
            noun.part, noun.counted = noun.count, False
        elif unit.any(*HEADS):
            break
        elif (reading := unit.get("verb")) and i > start and _gerund_before(units, i):
            noun.doing = reading.value
        elif (unit.get("filler") and i > start and _head_follows(units, i + 1)) or (
            unit.get("unknown") and _head_follows(units, i + 1, near=True)
        ):
            pass
        else:
            break
        i += 1
    return _read_head(units, i, start, noun)


def _read_head(units: list[Unit], i: int, start: int, noun: Noun) -> tuple[Noun | None, int]:
    """Complete a noun phrase that began at ``start`` with its head at ``i``."""
    if i >= len(units) and noun.color and not noun.definite and not noun.counted:
        noun.kind = "color"
        return noun, i
    if i >= len(units):
        return (noun, i) if _alone(noun, i > start) else (None, start)
    unit = units[i]
    reading = unit.any(*HEADS)
    after = units[i + 1] if i + 1 < len(units) else None
    if (
        reading
        and reading.kind in ("thing", "theme", "place")
        and after is not None
        and after.get("role")
        and not unit.get("verb")
    ):
        i, unit, reading = i + 1, after, after.get("role")  # "a soccer coach"
        after = units[i + 1] if i + 1 < len(units) else None
    if reading and reading.kind == "theme" and after is not None and after.get("thing"):
        i, unit, reading = i + 1, after, after.get("thing")  # "a park table"
        after = units[i + 1] if i + 1 < len(units) else None
    if reading is None:
        if noun.color and not noun.definite and not noun.counted and i > start:
            noun.kind, noun.key = "color", None  # "red fights blue"
            return noun, i
        if unit.text in ("one", "ones"):
            noun.kind, noun.key = "pron", "one"
            return noun, i + 1
        if unit.get("unknown") and i > start:
            noun.word, noun.name = unit.text, unit.text
            noun.many = unit.text.endswith("s") and not unit.text.endswith("ss")
            _settle_count(noun)
            return noun, i + 1
        if i > start and noun.definite and noun.color is None and not noun.counted:
            return None, i
        return (noun, i) if _alone(noun, i > start) else (None, max(i, start))
    first = unit
    act = after.get("verb") if after is not None else None
    begun = after.get("begin") if after is not None else None
    act = act or begun  # "someone mimes climbing"
    if reading.kind == "role" and after and after.get("role") and not (act and act.form == "s"):
        i, unit = i + 1, after  # "a robot dog", "a zombie waiter"
        after = units[i + 1] if i + 1 < len(units) else None
        reading = _compound(reading, unit.get("role"))
    noun.kind, noun.key, noun.word = reading.kind, reading.value, unit.text
    if unit is not first:
        noun.word = f"{first.text} {unit.text}"
    noun.many = reading.form == "many"
    if noun.kind == "group" and after is not None and after.text == "of":
        size = units[i + 2].get("num") if i + 2 < len(units) else None
        if size is not None:  # "a family of four"
            noun.kind, noun.key, noun.many = "role", "person", True
            noun.count, noun.counted, noun.word = int(size.value), True, "people"
            return noun, i + 3
    if noun.kind == "many":
        noun.kind, noun.key, noun.many = "role", "person", True
        noun.teams = noun.count if noun.counted else 1
        noun.count = int(reading.value) * noun.teams
        noun.counted, noun.team = True, noun.color
        if after is not None and after.text == "of":
            members, j = read_noun(units, i + 2)
            if members is not None and members.kind in ("role", "pron", "unknown"):
                each = members.count if members.counted else int(reading.value)
                noun.count = each * noun.teams
                if members.kind == "role":
                    noun.key, noun.word = members.key, members.word
                return noun, j
    if noun.kind == "name":
        noun.gender = reading.form or None
        noun.kind, noun.key, noun.name = "role", "person", reading.value
        noun.definite = True
    if noun.kind == "pron" and reading.value == "viewer":
        noun.kind = "viewer"
    if noun.kind == "role" and noun.word in ("people",):
        noun.many = True
    if noun.kind == "role" and noun.style == "old" and noun.key in ("man", "woman", "person"):
        noun.key = {"man": "old man", "woman": "old woman"}.get(noun.key, noun.key)
    if noun.kind == "role" and after is not None and after.get("name"):
        noun.name, i = after.get("name").value, i + 1  # "a man named Bob"
    if noun.kind == "role" and not noun.many and _is_label(units, i + 1):
        noun.name, noun.definite, i = f"{noun.word} {after.text}", True, i + 1  # "guard 1"
    if noun.part and noun.own and not noun.counted:
        noun.count, noun.counted, noun.part = noun.part, True, 0  # "two of his friends"
    one = units[start].text in ("a", "an", "each", "every") or (
        units[start].text == "some" and not noun.many and noun.word not in _MANY
    )
    if one and noun.kind in ("role", "thing") and start < i and noun.count <= DEFAULT_MANY:
        noun.many, noun.count, noun.counted = False, 1, False  # "a grils", "some dude"
    _settle_count(noun)
    return noun, i + 1


def _compound(first: Reading, second: Reading) -> Reading:
    """The role of two in a row: the second, but a robot waiter is a robot."""
    human = roles().roles[second.value].type == "human"
    if first.value in ("robot", "alien", "zombie", *_YOUNG) and human:
        return replace(second, value=first.value)
    return second


def _alone(noun: Noun, something: bool) -> bool:
    """Whether a phrase without a head means people: "two run", "the red one"."""
    if not something or not noun.counted:
        return False
    noun.kind, noun.key, noun.word = "pron", "count", "they"
    return True


def _settle_count(noun: Noun) -> None:
    """Set the count of a noun without a number."""
    if not noun.counted:
        noun.count = DEFAULT_MANY if noun.many else 1


def _spelled_number(units: list[Unit], i: int, noun: Noun) -> int:
    """Read "twenty five", "two hundred"; returns the unit after."""
    total = 0
    first = True
    while i < len(units) and (reading := units[i].get("num")):
        value = int(min(max(reading.value, -(10**9)), 10**9))
        if value >= 100 and not first:
            total = max(total, 1) * value
        elif not first and not (total % 100 >= 20 and total % 10 == 0 and value < 10):
            if total % 100:
                break
            total += value
        else:
            total += value
        first = False
        i += 1
        hundred = value >= 100 and i + 1 < len(units) and units[i].text == "and"
        if hundred and units[i + 1].get("num"):
            i += 1
    if i < len(units) and units[i].text in ("dozen", "dozen of"):
        total, i = total * 12, i + 1
    noun.count = min(total, 10**9)
    return i


def _skip_others(units: list[Unit], i: int) -> int:
    """The unit after "one", "else" or "two", which belong to the pronoun before them."""
    return i + 1 if i < len(units) and units[i].text in ("one", "ones", "else", "two") else i


def _is_approximation(units: list[Unit], i: int) -> bool:
    """Whether the unit at ``i`` only says that the number after it is rough: "about thirty"."""
    known = units[i].text in words().approximations
    return known and i + 1 < len(units) and units[i + 1].get("num") is not None


def _is_label(units: list[Unit], i: int) -> bool:
    """Whether a number or letter is part of a name, as in "guard 1", rather than a count."""
    if i < len(units) and units[i].get("label"):
        return True
    if i >= len(units) or not units[i].text.isdigit() or len(units[i].text) > 3:
        return False
    return not _head_follows(units, i + 1)


def _is_place(units: list[Unit], i: int) -> bool:
    """Whether the number at ``i`` names a place, such as "first" for first base."""
    return units[i].get("place") is not None and not _head_follows(units, i + 1)


def _head_follows(units: list[Unit], i: int, *, near: bool = False) -> bool:
    """Whether a head noun comes before anything that ends the phrase."""
    reach = 1 if near else 4
    for unit in units[i : i + reach]:
        if unit.any("role", "group", "crowd", "thing", "wear"):
            return True
        if not near and unit.any("theme", "place", "unknown", "name"):
            return unit.get("verb") is None
        if not unit.any(*_BEFORE, "pron", "filler") or unit.any("prep", "link"):
            return False
    return False


def _gerund_before(units: list[Unit], i: int) -> bool:
    """Whether a gerund describes the noun right after it: "a screaming girl"."""
    if units[i].get("verb").form != "ing" or i + 1 >= len(units):
        return False
    return units[i + 1].any("role", "group", "crowd") is not None


def _adjective_use(units: list[Unit], i: int) -> bool:
    """Whether a role only describes the next one: "zombie dog", "drunk man"."""
    unit = units[i]
    if i + 1 >= len(units) or not units[i + 1].any("role", "group"):
        return False
    return unit.any("style", "color") is not None


def describe(noun: Noun) -> str:
    """The phrase for one of what a noun means: "a red robot", "Alice"."""
    if noun.name:
        return noun.name
    if noun.word in ("someone", "somebody"):
        return noun.word
    word = noun.word
    if noun.many:
        word = _one_of(word)
    color = next((name for name, value in words().colors.items() if value == noun.color), "")
    phrase = f"{color} {word}".strip()
    return f"{'an' if phrase[:1] in 'aeiou' else 'a'} {phrase}"


@cache
def _one_of(word: str) -> str:
    """The singular of a word: "zombies" gives "zombie"."""
    plurals, known = roles().plurals, [w for role in roles().roles.values() for w in role.words]
    for base in (*plurals, *known):
        if plurals.get(base) == word or (base not in plurals and plural(base) == word):
            return base
    return word if word.endswith("ss") else word.removesuffix("s")
