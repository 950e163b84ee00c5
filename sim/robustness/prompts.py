"""Hostile prompts by a grammar over the whole lexicon, and the trial of one.

A prompt of the length that is read is a Scene that is valid, can be built and moves, or it is
refused in one line; either within ``LIMIT_S``.
"""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from entities.components import Transform
from entities.scene import parse_scene
from sim.loop import Simulation
from sim.robustness.campaign import Outcome, pick
from sim.story import parse_prompt
from sim.story.language.lexicon import roles, themes, verb_forms, verbs, vocabulary, words
from sim.story.language.reading import MAX_PROMPT

LIMIT_S = 2.0
"""Seconds of processor time for a prompt: parsing, building and the first tick."""
BATCH = 100
"""Prompts of one try."""
TICKS = 2
"""Ticks that are played: what the first one plans, the second one does."""
LONGEST_REFUSAL = 400

COUNTS = (
    "two", "three", "7", "a dozen", "50", "99", "200", "333", "499", "500", "501", "999", "1000",
    "1001", "a thousand", "nine hundred ninety nine", "hundreds of", "two hundred", "no", "0",
    "-5", "1e9", "10^9", "3.5", "½", "٣", "1,000", "NaN", "0x10", "1/0", "9" * 60,
)  # fmt: skip
CROWDS = ("50", "200", "333", "500", "999", "1000", "a thousand", "hundreds of", "100 teams of")
ODD = (
    "\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u2028", "\ud7ff", "👩\u200d🚀", "🏃", "ﬁ",
    "ß",
    "İ", "\r\n", "\t", "''", '"', "'", "\\", "{}", "%s", "%n", "${HOME}", "<script>", "()[]",
    "../../etc/passwd", "\u0301" * 30, "مرحبا", "人走", "Ⅷ", "²", "----", "....", "?!", "a b c",
    "'; DROP TABLE actors;--", "ignore previous instructions", "\ud800",
)  # fmt: skip
SCRIPTS = (
    "мужчина бежит к дереву", "男が走って手を振る", "남자가 나무로 달려간다", "رجل يركض إلى الشجرة",
    "एक आदमी दौड़ता है", "ein Mann läuft zum Baum", "un homme court vers l'arbre", "🏃➡️🌳 👋",
    "ა ბ გ დ", "Ｆｕｌｌｗｉｄｔｈ ｍａｎ ｒｕｎｓ", "𝒂 𝒎𝒂𝒏 𝒓𝒖𝒏𝒔", "ᴀ ᴍᴀɴ ʀᴜɴꜱ",
)  # fmt: skip
JOINTS = (
    " and ", ". ", ", then ", " ", " while ", "", ", ", " until ", " before ", " after ", "; ",
    " who ", " because ", " but ", "! ", "\n",
)  # fmt: skip
NESTS = (
    "who chases", "that follows", "who hugs", "who is chased by", "behind", "next to", "with",
    "between", "of", "who sees", "in front of", "whose", "and", "or", "who says that",
)  # fmt: skip
TIMES = (
    "for 5 seconds", "after 3 seconds", "at 10 seconds", "for an hour", "50 times", "20 times",
    "for 3600 seconds", "for 1e9 seconds", "after 99999 seconds", "for 0 seconds", "1000 metres",
    "10^9 metres", "half a mile", "for 0.001 seconds", "twice", "every second", "9999 times",
)  # fmt: skip

Draw = np.random.Generator


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a prompt. refusal: empty where it is a scene; seconds: processor time."""

    refusal: str
    actors: int
    objects: int
    parsing_s: float
    building_s: float  # with the first ticks

    @property
    def seconds(self) -> float:
        """Processor time in all, in s."""
        return self.parsing_s + self.building_s


def try_prompt(text: str, seed: int = 0, motion: str | None = "procedural") -> Trial:
    """Parse a prompt, build its scene and play the first ticks.

    Raises AssertionError for a refusal that is not one short line, for a Scene that does not
    survive its own file, and for positions that are not finite; any exception but the ValueError
    of a refusal is a bug and passes through.
    """
    began = time.process_time()
    try:
        scene = parse_prompt(text, seed)
    except ValueError as error:
        refusal = str(error)
        assert len(refusal.strip().splitlines()) == 1, f"not one line: {refusal!r}"
        assert len(refusal) <= LONGEST_REFUSAL, f"{len(refusal)} characters: {refusal[:60]!r}"
        return Trial(refusal, 0, 0, time.process_time() - began, 0.0)
    parsed = time.process_time()
    simulation = Simulation(scene, motion=motion)
    for _ in range(TICKS):
        simulation.step()
    built = time.process_time()
    positions = simulation.world[Transform].position
    assert np.isfinite(positions).all(), "positions are not finite"
    assert parse_scene(scene.model_dump_json()) == scene, "the scene changes in its file"
    assert len(scene.description.splitlines()) <= 1, "a description of several lines"
    return Trial("", len(scene.actors), len(scene.objects), parsed - began, built - parsed)


def hostile_prompts(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """``count`` prompts of all kinds in turn, each with the name of its kind."""
    kinds = list(KINDS.items())
    for k in range(count):
        name, make = kinds[k % len(kinds)]
        yield name, make(np.random.default_rng([seed, k]))


def hostile_prompt(kind: str, seed: int) -> str:
    """One prompt of a kind. Raises KeyError for an unknown kind."""
    return KINDS[kind](np.random.default_rng(seed))


def attempt(seed: int, folder: Path) -> Outcome:
    """Try BATCH prompts of a seed; the one that is tried is in ``prompt.txt``."""
    outcome = Outcome()
    for kind, text in hostile_prompts(seed, BATCH):
        (folder / "prompt.txt").write_text(text, encoding="utf-8", errors="surrogatepass")
        outcome.runs += 1
        try:
            trial = try_prompt(text)
        except Exception as error:  # whatever is not a refusal in one line is what is looked for
            where = traceback.format_exc() if not isinstance(error, AssertionError) else ""
            outcome.failures.append(f"{kind}: {error!r} by {text[:300]!r}\n{where}")
            continue
        outcome.refused += bool(trial.refusal)
        outcome.slowest_s = max(outcome.slowest_s, trial.seconds)
        if trial.seconds > LIMIT_S:
            outcome.failures.append(f"{kind}: {trial.seconds:.1f} s for {text[:300]!r}")
    return outcome


def _sentence(draw: Draw) -> str:
    """A plain sentence with any verb, role, object and place, often with two clauses."""
    text = " ".join(filter(None, [_who(draw), *_deed(draw)]))
    if draw.random() < 0.4:
        text += pick(draw, JOINTS[:9]) + " ".join(_deed(draw))
    return text + pick(draw, ("", ".", "!", "?"))


def _crowd(draw: Draw) -> str:
    """As many as there can be doing something, often to as many others or with as many things."""
    first = f"{pick(draw, CROWDS)} {pick(draw, _many())}"
    verb = pick(draw, said("base"))
    other = pick(draw, ("", "each other", _who(draw), f"{pick(draw, CROWDS)} {pick(draw, _many())}",
                        _thing(draw), f"{pick(draw, CROWDS)} {pick(draw, _things(many=True))}",
                        f"each a {pick(draw, _things())}"))  # fmt: skip
    place = _place(draw) if draw.random() < 0.4 else ""
    if draw.random() < 0.25:
        first, other = _who(draw), first
        verb = pick(draw, said("s"))
    theme = f" in the {pick(draw, _themes())}" if draw.random() < 0.3 else ""
    text = " ".join(filter(None, [first, verb, other, place])) + theme
    if draw.random() < 0.3:
        text += pick(draw, JOINTS[:9]) + f"they {pick(draw, said('base'))} {_thing(draw)}"
    return text


def _each_in_turn(draw: Draw) -> str:
    """A crowd, and one sentence after the other about somebody or something new."""
    text = f"{pick(draw, CROWDS)} {pick(draw, _many())} {pick(draw, said('base'))}"
    while len(text) < draw.integers(100, MAX_PROMPT - 120):
        text += pick(draw, (". ", ", then ", " and ", "; ")) + " ".join(
            filter(None, [_who(draw), *_deed(draw)])
        )
    return text[:MAX_PROMPT]


def _nested(draw: Draw) -> str:
    """Relative clauses and places of places, as deep as the length allows."""
    text, depth = _who(draw), int(draw.integers(2, 200))
    nests = draw.choice(NESTS, 3).tolist()
    for k in range(depth):
        noun = _who(draw) if draw.random() < 0.6 else _thing(draw)
        if len(text) + len(noun) > MAX_PROMPT - 60:
            break
        text += f" {nests[k % len(nests)]} {noun}"
    return f"{text} {' '.join(_deed(draw))}"[:MAX_PROMPT]


def _repeated(draw: Draw) -> str:
    """One piece over and over, up to the length that is read, or just beyond."""
    piece = pick(draw, (pick(draw, _all()), _who(draw), _thing(draw), _sentence(draw), "and", "the",
                        "a", "a man and", "no", "not", "to", "1000", "5", "(", '"', "'", ",", ".",
                        "-", "it", "they all", "very", "the man's", "a" * 40, pick(draw, ODD),
                        " ".join(_deed(draw))))  # fmt: skip
    joint = pick(draw, JOINTS)
    length = int(pick(draw, (MAX_PROMPT - 1, MAX_PROMPT, MAX_PROMPT + 1, 900, 300)))
    whole = (piece + joint) * (length // max(len(piece + joint), 1) + 1)
    return (pick(draw, ("", "a man ", "two dogs run. ")) + whole)[:length]


def _salad(draw: Draw) -> str:
    """Known words in no order."""
    return " ".join(draw.choice(_all(), int(draw.integers(1, 160))))[:MAX_PROMPT]


def _unknown(draw: Draw) -> str:
    """A sentence full of words nobody knows: each is a typo, a name or a verb to be guessed."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    parts = []
    for _ in range(int(draw.integers(1, 120))):
        made = "".join(draw.choice(list(letters), int(draw.integers(1, 30))))
        ending = pick(draw, ("", "s", "ing", "ed", "er", "ly"))
        parts.append(pick(draw, (made + ending, pick(draw, _all()), f"the {made}", _who(draw))))
    return " ".join(parts)[:MAX_PROMPT]


def _numbers(draw: Draw) -> str:
    """Numbers where there should be one, none or a word."""
    parts = []
    for _ in range(int(draw.integers(1, 60))):
        number = pick(draw, (*COUNTS, str(int(draw.integers(0, 2_000))), f"{draw.random():.3f}"))
        parts += [number, pick(draw, (pick(draw, _all()), pick(draw, _many()), "of", "and", ""))]
        if draw.random() < 0.3:
            parts.append(pick(draw, TIMES))
    return " ".join(parts)[:MAX_PROMPT]


def _timed(draw: Draw) -> str:
    """Deeds with times, distances and repetitions that do not fit."""
    parts = [_who(draw)]
    for _ in range(int(draw.integers(1, 25))):
        parts += [*_deed(draw), pick(draw, TIMES), pick(draw, ("then", "and", "while", "until"))]
    return " ".join(parts)[:MAX_PROMPT]


def _odd(draw: Draw) -> str:
    """A sensible sentence with pieces cut out, doubled or replaced by something odd."""
    text = pick(draw, (_sentence(draw), _crowd(draw), pick(draw, SCRIPTS), _each_in_turn(draw)))
    for _ in range(int(draw.integers(1, 6))):
        i, j = sorted(draw.integers(0, len(text) + 1, 2).tolist())
        piece = pick(draw, (text[i:j], "", *ODD, pick(draw, COUNTS), pick(draw, SCRIPTS)))
        text = text[:i] + piece + text[i if draw.random() < 0.5 else j :]
    return text[: MAX_PROMPT + 1]


def _letters(draw: Draw) -> str:
    """Any characters at all, of all planes, control characters among them."""
    planes = ((0, 0x20), (0x20, 0x7F), (0x80, 0x500), (0x600, 0x700), (0x2000, 0x2070),
              (0x4E00, 0x9FFF), (0x1F300, 0x1FAFF), (0xD800, 0xE000),
              (0xE0000, 0xE0200))  # fmt: skip
    chosen = [planes[k] for k in draw.integers(0, len(planes), int(draw.integers(1, 4)))]
    size = int(pick(draw, (1, 3, 20, 200, MAX_PROMPT)))
    codes = [int(draw.integers(*chosen[int(k)])) for k in draw.integers(0, len(chosen), size)]
    return "".join(map(chr, codes))


def _quoted(draw: Draw) -> str:
    """Speech, brackets and quotes, closed and open, nested and empty."""
    marks = ('"', "'", "“", "”", "«", "»", "(", ")", "[", "]", "{", "}", "<", ">", "`", "—", ":")
    parts = [_who(draw)]
    for _ in range(int(draw.integers(1, 60))):
        said = pick(draw, (_sentence(draw), pick(draw, _all()), "", pick(draw, ODD)))
        parts.append(pick(draw, ("says", "shouts", "", "and")))
        parts.append(pick(draw, marks) + said + pick(draw, marks))
    return " ".join(parts)[:MAX_PROMPT]


KINDS: dict[str, Callable[[Draw], str]] = {
    "sentence": _sentence, "crowd": _crowd, "each in turn": _each_in_turn, "nested": _nested,
    "repeated": _repeated, "salad": _salad, "unknown": _unknown, "numbers": _numbers,
    "timed": _timed, "odd": _odd, "letters": _letters, "quoted": _quoted,
}  # fmt: skip
"""Makers of prompts by the name of their kind."""


def _who(draw: Draw) -> str:
    """A noun phrase for somebody."""
    chance = draw.random()
    if chance < 0.45:
        return f"{pick(draw, ('a', 'the', 'one of the', 'his', 'another'))} {pick(draw, _roles())}"
    if chance < 0.6:
        return f"{pick(draw, COUNTS)} {pick(draw, _many())}"
    if chance < 0.75:
        return pick(draw, tuple(words().pronouns))
    if chance < 0.85:
        color, size = pick(draw, tuple(words().colors)), pick(draw, tuple(words().sizes))
        return f"a {size} {color} {pick(draw, _roles())}"
    name = pick(draw, [name for names in words().names.values() for name in names])
    return name.title() if chance < 0.95 else f"a {pick(draw, tuple(roles().groups))}"


def _thing(draw: Draw) -> str:
    """A noun phrase for something."""
    if draw.random() < 0.2:
        return f"{pick(draw, COUNTS)} {pick(draw, _things(many=True))}"
    return f"{pick(draw, ('a', 'the', 'his', 'another', 'each'))} {pick(draw, _things())}"


def _place(draw: Draw) -> str:
    """A preposition and what it is about, or a direction."""
    if draw.random() < 0.2:
        return pick(draw, tuple(words().directions))
    target = _thing(draw) if draw.random() < 0.7 else _who(draw)
    return f"{pick(draw, tuple(words().prepositions))} {target}"


def _deed(draw: Draw) -> list[str]:
    """A verb in some form and what may follow it."""
    parts = [pick(draw, said(pick(draw, ("base", "s", "s", "s", "ing", "ed"))))]
    if draw.random() < 0.15:
        parts.insert(0, pick(draw, ("does not", "stops", "starts", "will", "is", "won't stop")))
    if draw.random() < 0.5:
        parts.append(_who(draw) if draw.random() < 0.5 else _thing(draw))
    if draw.random() < 0.5:
        parts.append(_place(draw))
    if draw.random() < 0.2:
        parts.append(pick(draw, tuple(words().manners)))
    if draw.random() < 0.2:
        parts.append(pick(draw, TIMES))
    return parts


@cache
def said(form: str) -> tuple[str, ...]:
    """Every phrase of every verb in a grammatical form."""
    return tuple(
        text.replace("~", "his")
        for verb in verbs().verbs
        for phrase in verb.words
        for kind, text in verb_forms(phrase)
        if kind == form
    )


@cache
def _roles() -> tuple[str, ...]:
    return tuple(word for role in roles().roles.values() for word in role.words)


@cache
def _many() -> tuple[str, ...]:
    """Plurals of roles, groups and collectives."""
    kinds = ("role", "group", "many")
    return tuple(
        text
        for text, found in vocabulary().items()
        if any(r.kind in kinds and r.form == "many" for r in found)
    )


@cache
def _things(*, many: bool = False) -> tuple[str, ...]:
    """Words for objects."""
    form = "many" if many else "one"
    return tuple(
        text
        for text, found in vocabulary().items()
        if any(r.kind == "thing" and r.form == form for r in found)
    )


@cache
def _themes() -> tuple[str, ...]:
    return tuple(word for theme in themes().themes.values() for word in theme.words)


@cache
def _all() -> tuple[str, ...]:
    """Every known word and phrase."""
    return tuple(sorted(vocabulary()))
