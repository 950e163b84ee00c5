"""Clauses, and the tests on units that tell where a clause begins and what a word is in it."""

from dataclasses import dataclass, field, replace
from functools import cache

from sim.story.language.lexicon import Reading, Verb, third_person, verb_forms, verbs
from sim.story.language.phrases import Noun, read_noun, starts_noun
from sim.story.language.reading import Unit

NOUNISH = ("role", "group", "many", "crowd", "thing", "place", "theme")


_WAYS = ("to", "from", "toward", "around", "past", "behind", "through", "over", "under")


@cache
def _changes() -> frozenset[str]:
    """Every form of the verbs that change gait: "slows down to a walk", "breaks into a run"."""
    return frozenset(form for verb in verbs().gait_changes for _, form in verb_forms(verb))


def _gait_change(units: list[Unit], i: int) -> tuple[list[Unit], int]:
    """The gaits of a change of gait at ``i``, as verbs in order, and the unit after it.

    "slows from a run to a walk" gives run, then walk. Without a change: no gaits and ``i``.
    """
    j, found = i + 1, []
    if units[i].text not in _changes():
        return [], i
    form = next((r.form for r in units[i].readings if r.kind == "verb"), "s")
    if j < len(units) and units[j].text in ("down", "up"):
        j += 1
    while j < len(units) and units[j].text in ("from", "to", "into", "up to", "down to"):
        k = j + 1
        while k < len(units) and units[k].any("det", "size", "style", "speed"):
            k += 1
        gait = units[k].get("verb") if j + 1 < k < len(units) else None
        if gait is None or gait.form != "base" or gait.value.frame != "move":
            break
        found += [Unit("then", (Reading("link", "then"),), k, k)] if found else []
        found.append(replace(units[k], readings=(replace(gait, form=form),)))
        j = k + 1
    return found, j


@cache
def _carriers() -> frozenset[str]:
    """Every form of the verbs that may carry another: "does two cartwheels"."""
    return frozenset(form for verb in verbs().carriers for _, form in verb_forms(verb))


@dataclass(slots=True)
class Clause:
    """One thing that happens: who does what, to what, where, how and how long.

    direction is a unit vector; seconds, delay and at are in s, metres in m; speed is a factor.
    """

    link: str = ""  # to the clause before: then, and, while, before, after, until, meanwhile, "."
    subject: list[Noun] = field(default_factory=list)
    verb: Verb | None = None
    form: str = ""
    objects: list[Noun] = field(default_factory=list)
    places: list[tuple[str, Noun]] = field(default_factory=list)
    direction: tuple[float, float] | None = None
    manners: list[str] = field(default_factory=list)
    speed: float = 1.0
    style: str | None = None
    seconds: float | None = None
    delay: float = 0.0
    at: float | None = None
    repeat: int = 1
    metres: float | None = None
    say: str | None = None
    negated: bool = False
    cease: bool = False
    refuses: bool = False  # "refuses to": what is to cease was never begun
    was: bool = False  # a form of "be" came before the verb
    helped: bool = False  # "does", "will": the verb may be left out, "he runs but she does not"
    topic: str = ""  # "a penalty" of "a penalty is taken by her"
    excepted: list[Noun] = field(default_factory=list)  # "everybody except ..."
    unknown_verb: str | None = None  # not in the lexicon
    words: list[str] = field(default_factory=list)  # of the caption, in the sentence's own words

    def take_time(self, kind: str, value: float) -> None:
        """Set the field of a time, a distance or a number of times."""
        if kind == "for":
            self.seconds = value
        elif kind == "repeat":
            self.repeat = int(value)
        else:
            setattr(self, kind, value)  # at, delay, metres

    @property
    def bare(self) -> bool:
        """Whether nothing has been read into the clause yet."""
        return not (
            self.subject or self.verb or self.places or self.direction or self.manners or self.say
            or self.unknown_verb or self.cease or self.metres
        )  # fmt: skip


def said_of_it(now: Clause, noun: Noun) -> bool:
    """Whether a noun only says what the subject is, as in "he is a waiter".

    "it is a cat" makes the noun the subject, "Tom is a robot" changes the subject's role.
    """
    linking = now.was and now.subject and now.verb is None and now.unknown_verb is None
    if not linking or noun.kind not in ("role", "group"):
        return False
    if now.subject[-1].key == "n":  # "it is a cat that sleeps"
        now.subject, now.negated = [] if now.negated else [noun], False
        return True
    if noun.name:
        return False
    if now.subject[-1].name and not noun.many:
        now.subject[-1].key = noun.key  # "Tom is a robot"
    return True


def is_heading(units: list[Unit], j: int, now: Clause) -> bool:
    """Whether the words before a colon only name the scene: "boss fight: a robot ..."."""
    noun = now.subject[0] if now.subject else None
    short = j <= 4 and not now.objects and not now.places and units[0].get("det") is None
    plain = noun is not None and not noun.definite and not noun.counted
    return short and plain and starts_noun(units, j)


def resolve_light_verbs(units: list[Unit]) -> list[Unit]:
    """Units with carried verbs in place: "does two cartwheels and a roll" becomes "cartwheels two
    times and rolls"."""
    done: list[Unit] = []
    i, listed = 0, False
    while i < len(units):
        unit, j, count = units[i], i + 1, 1
        gaits, after = _gait_change(units, i)
        if gaits:
            done += gaits
            i, listed = after, False
            continue
        light = unit.text in _carriers() or (listed and _goes_on_listing(units, i))
        if unit.text == "with" and _brings_action(units, i):  # "greets him with a hug"
            light, unit = True, replace(unit, readings=(Reading("link", "and"),))
        while light and j < len(units) and units[j].any("det", "num", "quantity", "size", "style"):
            number = units[j].any("num", "quantity")
            count = int(min(max(number.value, 1), 20)) if number else count
            j += 1
        act = units[j].get("verb") if light and i + 1 < j < len(units) else None
        if act is not None and act.form in ("base", "s") and not units[j].any(*NOUNISH):
            form = next((r.form for r in unit.readings if r.kind == "verb"), "s")
            if unit.any("link", "comma"):
                done.append(replace(unit, text="and", readings=(Reading("link", "then"),)))
            done.append(replace(units[j], readings=(replace(act, form=form),)))
            if count > 1:
                done.append(Unit("times", (Reading("repeat", count),), j, j + 1))
            i, listed = j + 1, True
        else:
            done.append(unit)
            whole = unit.get("verb") is not None and " a " in unit.text
            listed = whole and unit.text.split()[0] in _carriers()
            i += 1
    return done


def _brings_action(units: list[Unit], i: int) -> bool:
    """Whether "with" at ``i`` brings one more action: "with a hug", "with a deep bow"."""
    j = i + 1
    while j < len(units) and units[j].any("det", "num", "size", "style"):
        j += 1
    act = units[j].get("verb") if i + 1 < j < len(units) else None
    return act is not None and act.form == "base" and act.value.frame in ("pair", "aim")


def _goes_on_listing(units: list[Unit], i: int) -> bool:
    """Whether the unit at ``i`` adds one more action to a list: ", a roll and a jump"."""
    joins = units[i].any("comma") is not None or units[i].text in ("and", "and then", "then")
    return joins and i + 1 < len(units) and units[i + 1].any("det", "num") is not None


def verb_ahead(units: list[Unit], j: int, *, gerund: bool = False, finite: bool = False) -> bool:
    """Whether a verb comes at or soon after unit ``j``, before any noun.

    gerund: only in -ing. finite: not in -ing.
    """
    for unit in units[j : j + 4]:
        if reading := unit.get("verb"):
            if unit.any("dir", "link", "prep", "filler", "manner") and not gerund:
                return False
            if gerund:
                return reading.form == "ing"
            return not finite or reading.form in ("s", "ed", "base")
        if unit.any("begin", "cease"):
            return True
        if not unit.any("aux", "neg", "filler", "speed", "style", "repeat"):
            return False
        if unit.any("det", "pron", "prep") and unit.text != "to":
            return False
    return False


def goes_too(units: list[Unit], j: int, now: Clause) -> bool:
    """Whether the noun at ``j`` repeats the verb with a way of its own.

    "Bob comes from the left, Al from the right".
    """
    if now.verb is None or now.verb.frame != "move" or not (now.places or now.direction):
        return False
    noun, k = read_noun(units, j)
    if noun is None or noun.kind not in ("role", "group") or k >= len(units):
        return False
    way = units[k].get("prep")
    return units[k].get("dir") is not None or (way is not None and way.value in _WAYS)


def begins_clause(units: list[Unit], j: int) -> bool:
    """Whether the noun phrases at ``j`` are followed by a verb of their own."""
    noun, k = read_noun(units, j)
    if noun is None or not (noun.acts or noun.kind in ("thing", "viewer")):
        return False
    while k < len(units):
        unit = units[k]
        if unit.get("link") and unit.text == "and" and starts_noun(units, k + 1):
            _, k = read_noun(units, k + 1)
            continue
        verb = unit.get("verb")
        if verb and not (unit.any("prep", "link", "dir", "manner") and verb.form != "s"):
            return True
        if unit.any("begin", "cease"):
            return True
        if unit.get("aux") and unit.text != "to":
            return True
        if unit.get("prep") and starts_noun(units, k + 1) and k + 1 < len(units):
            inner, after = read_noun(units, k + 1)
            if inner is None:
                return False
            rest = units[after] if after < len(units) else None
            return rest is not None and bool(rest.get("verb")) and not rest.any(*NOUNISH)
        if unit.get("unknown") and unit.text.endswith("s") and noun.kind == "role":
            return True
        if not unit.any("filler", "neg", "speed", "style"):
            return False
        k += 1
    return False


def head_follows(units: list[Unit], i: int) -> bool:
    """Whether the unit after ``i`` goes on as a noun phrase."""
    j = i + 1
    return j < len(units) and (
        units[j].any("role", "group", "thing", "crowd", "size", "color") is not None
    )


def caption_verb(raw: list[str], unit: Unit, form: str) -> str:
    """The verb of a unit in the third person, in the sentence's own words if possible."""
    spoken = [token.lower() for token in raw[unit.start : unit.end]]
    if form == "s":
        return " ".join(spoken)
    verb = unit.get("verb").value
    for phrase in verb.words:
        first, *rest = phrase.split()
        if rest == spoken[1:] and first[:2] == spoken[0][:2]:
            return " ".join([third_person(first), *rest])
    first, *rest = verb.words[0].split()
    if not rest and spoken[0][0] == first[0]:
        return third_person(first)
    for phrase in verb.words:
        first, *rest = phrase.split()
        if spoken[0] in (first, *verbs().irregular.get(first, ())):
            return " ".join([third_person(first), *spoken[1:]])
    return third_person(verb.words[0])


def is_verb(units: list[Unit], i: int, now: Clause, prep: str | None) -> bool:
    """Whether the unit at ``i`` is taken as a verb here."""
    unit = units[i]
    reading = unit.get("verb")
    if reading is None:
        return False
    before = units[i - 1] if i else None
    if before is not None and before.any("det", "num", "quantity", "color", "size"):
        head = i > 1 and units[i - 2].text == "of"  # "a family of four has ..."
        label = i > 1 and before.text.isdigit() and units[i - 2].get("role")  # "guard 1 walks"
        number = before.any("num", "quantity") and before.text != "one" and not (head or label)
        counted = number and reading.form == "s"  # "three ducks"
        if not before.any("pron", "link") and (unit.any(*NOUNISH) or counted):
            return False
        free = now.verb is None and prep in (None, "for", "with")  # not "on a swing"
        limb = unit.get("filler") is not None  # "his hand" is no verb
        if before.get("det") and not before.get("pron") and free and now.subject and not limb:
            return True  # "does a jump"
        if now.words and now.words[0] in verbs().light and (before.get("det") or not counted):
            return not unit.any(*NOUNISH)
        if before.get("det") and before.text in ("a", "an", "the", "his", "her"):
            return free and not limb and not unit.any(*NOUNISH) and not head_follows(units, i)
    if unit.get("cease") and verb_ahead(units, i + 1, gerund=True):
        return False
    if prep is not None and unit.any(*NOUNISH):
        return False
    if unit.any("dir", "manner") and (now.verb or not now.subject or now.was):
        return False
    if unit.any("link", "prep") and not (now.subject and now.verb is None):
        return False
    if unit.any("aux", "filler") and (now.verb or (unit.get("aux") and verb_ahead(units, i + 1))):
        return False
    if unit.any("filler") and not now.subject:
        return False
    if unit.any(*NOUNISH):
        if now.verb is not None or not now.subject:
            return not now.subject and now.verb is None and _imperative(units, i)
        return not (verb_ahead(units, i + 1, finite=True) and reading.form == "base")
    return not (unit.get("style") and now.was and reading.form in ("ed", "en"))


def second_verb(units: list[Unit], i: int, now: Clause) -> bool:
    """Whether a word that may be a noun goes on a list of verbs: "grabs a cup and drinks"."""
    if not i or now.verb is None or not units[i - 1].any("link", "comma"):
        return False
    if units[i - 1].any("link") and units[i - 1].text != "and":
        return False
    reading, after = units[i].get("verb"), units[i + 1] if i + 1 < len(units) else None
    if units[i].any(*NOUNISH) and after is not None and after.get("verb"):
        return False  # "and crows fly"
    return reading is not None and reading.form == now.form and now.form in ("s", "base")


def _imperative(units: list[Unit], i: int) -> bool:
    """Whether a word that may be a noun is an imperative: "box!", "drink water"."""
    unit = units[i]
    if i + 2 < len(units) and units[i + 1].get("num") and units[i + 2].get("verb"):
        return False  # "guard 1 walks"
    first = i == 0 or units[i - 1].any("stop", "comma", "link") is not None
    return first and unit.get("verb").form == "base" and not verb_ahead(units, i + 1)


def is_link(units: list[Unit], i: int, now: Clause) -> bool:
    """Whether a word that can be a conjunction is one here."""
    unit, j = units[i], i + 1
    kind = unit.get("link").value
    if unit.text == "but" and units[i - 1].get("pron") and not begins_clause(units, j):
        return not starts_noun(units, j)  # "everybody but Tom"
    if unit.text in ("after", "before", "until", "till", "upon"):
        follow = units[j] if j < len(units) else None
        if follow is None:
            return False
        verb = follow.get("verb")
        clause = begins_clause(units, j) or (verb is not None and verb.form == "ing")
        return clause or unit.text in ("until", "till") or (now.bare and unit.text != "before")
    if unit.text == "first":
        return now.bare or (now.verb is None and not now.subject)
    if unit.text == "next":
        return now.bare or now.verb is not None
    if unit.text in ("once", "now", "so", "as", "because", "if", "later", "soon"):
        if unit.text in ("as", "once") and not (begins_clause(units, j) or verb_ahead(units, j)):
            return False
        return unit.text != "now" or now.verb is not None
    return not (i and units[i - 1].get("det") and kind == "while")


def manner_here(units: list[Unit], i: int, manner: str, now: Clause) -> bool:
    """Whether a manner word stands by itself ("around") rather than before a noun."""
    unit = units[i]
    if unit.get("prep") and starts_noun(units, i + 1):
        return False
    if manner == "back" and not (
        (now.verb and now.verb.frame == "move") or (now.verb is None and now.link)
    ):
        return False
    return now.verb is not None or not now.subject or unit.text != "about"


def prep_here(units: list[Unit], i: int, now: Clause) -> bool:
    """Whether a word that can be a preposition is one here."""
    unit, j = units[i], i + 1
    if unit.text == "to" and verb_ahead(units, j) and not units[j].any(*NOUNISH):
        return False
    if j >= len(units):
        return False
    if unit.text in ("about", "around", "over") and units[j].get("num") and not now.verb:
        return False  # "about thirty people"
    if unit.get("filler") and unit.text not in ("on", "in", "of"):
        return starts_noun(units, j)
    return True


def describes(units: list[Unit], i: int, now: Clause, prep: str | None) -> bool:
    """Whether a style or speed word describes the noun after it."""
    before = units[i - 1] if i else None
    led = before is not None and before.any("det", "num", "quantity", "color", "size", "style")
    return head_follows(units, i) and (bool(led) or prep is not None or now.bare)


def contrast(units: list[Unit], i: int, now: Clause, stage: list[Noun]) -> int | None:
    """The unit after "not the blue one" in "goes to the red box, not the blue one".

    An object that is not meant is on stage all the same. None where "not" negates the verb.
    """
    j = i + 1 + (i + 1 < len(units) and units[i + 1].get("prep") is not None)
    denied = units[i].text == "not" and units[i - 1].any("comma", "link") is not None
    if not (i and denied and now.verb is not None) or not starts_noun(units, j):
        return None
    noun, k = read_noun(units, j)
    if noun is None or begins_clause(units, j) or verb_ahead(units, j):
        return None
    meant = [*now.objects, *(place for _, place in now.places)]
    if noun.kind == "pron" and noun.key == "one" and meant and meant[-1].kind == "thing":
        noun = replace(meant[-1], color=noun.color, size=noun.size, definite=True)
    if noun.kind == "thing":
        stage.append(noun)
    return k


def resized(units: list[Unit], j: int, noun: Noun, clauses: list[Clause], now: Clause) -> bool:
    """Whether a noun gives the size of each team: "red against blue, 4 people each".

    The teams named so far are resized.
    """
    if not noun.counted or j >= len(units) or units[j].text != "each":
        return False
    teams = [n for clause in [*clauses, now] for n in (*clause.subject, *clause.objects) if n.teams]
    for team in teams:
        team.count = noun.count * team.teams
    return bool(teams)
