"""Verbs nobody knows: taken as the nearest one and said so, or left idle and said so."""

import subprocess
import sys

import numpy as np
import pytest

from entities.actions import ActionType
from ml.text.base import EncoderError
from ml.text.encoders import open_encoder
from sim.story import parse_event, parse_prompt
from sim.story.language.lexicon import spoken, verbs, vocabulary
from sim.story.language.nearest import LEAST_SIMILARITY, bundled_vectors, lexicon_space


def deeds(prompt: str) -> list[str]:
    return [action.value for _, action in parse_prompt(prompt).actors[0].actions]


@pytest.mark.parametrize(
    ("verb", "prompt", "action"),
    [
        ("plummets", "a man plummets to the ground", "fall"),
        ("leapfrogs", "a man leapfrogs over the box", "jump"),
        ("plummets", "a woman runs, then plummets to the ground", "fall"),
    ],
)
def test_a_strange_verb_is_taken_as_the_nearest(verb: str, prompt: str, action: str) -> None:
    if any(reading.kind == "verb" for reading in vocabulary().get(verb, ())):
        pytest.skip(f"{verb} is in the lexicon by now")
    assert action in deeds(prompt)
    said = parse_prompt(prompt).description
    assert said.startswith(f"took '{verb}' as '")
    assert float(said.split("similarity ")[1][:4]) >= LEAST_SIMILARITY


@pytest.mark.parametrize("verb", ["blorfs", "vexmas", "photosynthesizes"])
def test_a_verb_near_nothing_idles_and_is_said(verb: str) -> None:
    assert deeds(f"a man {verb}") == ["idle"]
    assert parse_prompt(f"a man {verb}").description == f"not understood: '{verb}'"


def test_the_same_every_time() -> None:
    prompt = "a man plummets to the ground while a woman leapfrogs over a box"
    assert parse_prompt(prompt, 3) == parse_prompt(prompt, 3)


def test_later_sentences_know_them_too() -> None:
    scene = parse_prompt("a man waits")
    (patch,) = parse_event("he plummets to the ground", scene, None, 2.0).patches
    assert ActionType.FALL in [action for _, action in patch.actions]


def test_known_verbs_load_no_encoder() -> None:
    code = (
        "import sys\n"
        "from sim.story import parse_prompt\n"
        "parse_prompt('a man runs to the tree, then waves')\n"
        "print([m for m in ('onnxruntime', 'tokenizers', 'sqlite3') if m in sys.modules])\n"
        "parse_prompt('a man blorfs')\n"
        "print('onnxruntime' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split("\n")[:2] == ["[]", "True"], ran.stderr


def test_another_encoder_is_asked_for_by_name() -> None:
    assert parse_prompt("a man runs", embedder="no such thing").actors  # nothing to compare
    with pytest.raises(EncoderError, match="unknown encoder 'no such thing'"):
        parse_prompt("a man blorfs", embedder="no such thing")


def test_the_bundled_vectors_are_the_encoders() -> None:
    kept, shared = bundled_vectors()
    assert shared is not None
    assert shared.shape == (2, 384)
    assert np.linalg.norm(shared[1]) == pytest.approx(1.0, abs=1e-5)
    phrases = {spoken(phrase) for verb in verbs().verbs for phrase in verb.words}
    assert len(phrases & set(kept)) > 0.8 * len(phrases)  # the rest is encoded when needed
    texts = sorted(kept)[::40]
    fresh = open_encoder().encode(texts)
    cosine = (fresh * np.stack([kept[text] for text in texts])).sum(axis=1)
    assert cosine.min() > 0.999


def test_a_phrase_of_the_lexicon_is_nearest_to_itself() -> None:
    space = lexicon_space()
    wrong = []
    for verb in verbs().verbs:
        found, _, similarity = space.nearest(spoken(verb.words[0]))
        assert similarity <= 1.0 + 1e-5
        if found.action is not verb.action:
            wrong.append(verb.words[0])
    assert len(wrong) <= 0.1 * len(verbs().verbs), wrong
