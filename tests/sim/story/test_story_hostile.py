"""Random and hostile prompts: a Scene that plays, or one clean line; nothing else, ever."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entities.scene import MAX_ACTORS, MAX_OBJECTS, parse_scene
from sim import parse_prompt, simulate
from sim.story.language.lexicon import vocabulary
from sim.story.language.reading import MAX_PROMPT

PROMPTS = [
    json.loads(line)["prompt"]
    for line in (Path(__file__).parents[2] / "data" / "prompts_dev.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
QUICK, ALL = 80, 10_000
PLAYED_S = 0.2
MOST_PLAYED = 120
"""Scenes with more actors and objects than this are checked but not played, to keep it short."""
PLAYED_OF_ALL = 8
"""One in so many of the ten thousand is played too."""
NUMBERS = [
    "-5", "0", "1e9", "10^9", "1000000000", "999", "1001", "3.5", "½", "٣", "Ⅷ", "²", "1,000",
    "-0", "NaN", "infinity", "0x10", "1/0", "9" * 60, "two hundred thousand",
]  # fmt: skip
ODD = [
    "\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\ud7ff", "👩\u200d🚀", "ﬁ", "ß", "İ", "\r\n",
    "\t", "''", '"', "\\", "{}", "%s", "${HOME}", "<script>", "'; DROP TABLE actors;--", "()[]",
    "../../etc/passwd", "\u0301" * 30, "مرحبا", "人走", "ignore previous instructions",
    "----", "....",
]  # fmt: skip
WORDS = sorted(vocabulary())

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
numbered = st.tuples(
    st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS)
).map(" ".join)
noise = st.text(max_size=300)
controls = st.text(st.characters(categories=["Cc", "Cf", "Zs", "Mn", "So"]), max_size=80)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A sensible prompt with pieces cut out, doubled or replaced by something odd."""
    text = draw(st.sampled_from(PROMPTS))
    for _ in range(draw(st.integers(1, 4))):
        i, j = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(st.sampled_from([text[i:j], "", *ODD, *NUMBERS]))
        text = text[:i] + piece + text[i if draw(st.booleans()) else j :]
    return text


@st.composite
def long(draw: st.DrawFn) -> str:
    """Close to as many characters as are read, or just beyond."""
    piece = draw(st.one_of(st.sampled_from(PROMPTS), words, st.sampled_from(ODD), noise)) or "run "
    joint = draw(st.sampled_from([" and ", ". ", ", then ", " ", " while ", ""]))
    length = draw(st.sampled_from([MAX_PROMPT - 1, MAX_PROMPT, MAX_PROMPT + 1, 900]))
    return ((piece + joint) * (length // max(len(piece + joint), 1) + 1))[:length]


hostile = st.one_of(mangled(), words, numbered, noise, controls, long())


def play(text: str, one_in: int = 1) -> None:
    """Parse and check one prompt, and play it if its text is one in so many."""
    refusal, scene = "", None
    try:
        scene = parse_prompt(text)
    except ValueError as error:
        refusal = str(error)
    if scene is None:
        assert refusal.strip()
        assert "\n" not in refusal
        assert len(refusal) < 400
        return
    assert len(scene.actors) <= MAX_ACTORS
    assert len(scene.objects) <= MAX_OBJECTS
    assert "\n" not in scene.description
    assert parse_scene(scene.model_dump_json()) == scene
    small = len(scene.actors) + len(scene.objects) <= MOST_PLAYED
    if small and zlib.crc32(text.encode(errors="replace")) % one_in == 0:
        trace = simulate(scene, PLAYED_S, motion="procedural")
        assert np.isfinite(trace.root).all()
        assert np.isfinite(trace.pose).all()


LIMITS = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@settings(max_examples=QUICK, **LIMITS)
@given(hostile)
def test_hostile_prompts_give_a_scene_that_plays_or_one_line(text: str) -> None:
    play(text)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=ALL, **LIMITS)
@given(hostile)
def test_ten_thousand_hostile_prompts(text: str) -> None:
    play(text, PLAYED_OF_ALL)


@pytest.mark.parametrize("count", ["1000", "a thousand", "nine hundred and ninety-nine"])
def test_the_most_actors_there_can_be(count: str) -> None:
    scene = parse_prompt(f"{count} people march to the right")
    assert 999 <= len(scene.actors) <= MAX_ACTORS
    assert np.isfinite(simulate(scene, PLAYED_S, motion="procedural").root).all()


@pytest.mark.parametrize(
    "number", ["-5", "1001", "10^9", "a million", "1000000000", "two thousand"]
)
def test_too_many_or_too_few_are_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{10,300}$"):
        parse_prompt(f"{number} men run to the left")
    with pytest.raises(ValueError, match=r"^[^\n]{10,300}$"):
        parse_prompt(f"while the band plays, {number} couples dance")


def test_a_deed_cut_off_by_the_next_leaves_a_path_that_can_be_run() -> None:
    play("2:B4AFST1AMBL")
