"""Whatever is said to a running scene is done, done otherwise, or refused in one line."""

import numpy as np
import pytest

from sim.robustness.later_sentences import (
    STAGES,
    anywhere,
    attempt,
    eventful_scene,
    later_sentence,
    try_sentence,
)
from sim.story import parse_prompt


def tried(seeds: range) -> list[str]:
    scenes = {prompt: parse_prompt(prompt, seed=3) for prompt in STAGES[:12]}
    wrong = []
    for seed in seeds:
        draw = np.random.default_rng([seed, 5])
        scene = scenes[STAGES[int(draw.integers(len(scenes)))]]
        now = anywhere(draw, scene) if draw.random() < 0.6 else None
        t = float(draw.uniform(0.0, 10.0))
        wrong += try_sentence(later_sentence(draw), scene, t, now)
    # How long one takes is measured by tools.torture, on a machine that does nothing else.
    return [line for line in wrong if ": read in " not in line]


def test_sentences_anywhere_are_possible_or_refused() -> None:
    assert tried(range(60)) == []


@pytest.mark.slow
def test_many_sentences_anywhere_are_possible_or_refused() -> None:
    assert tried(range(60, 1_000)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_scenes_with_later_sentences_run_twice_to_the_same_bit(seed: int, tmp_path) -> None:
    assert attempt(seed, tmp_path).failures == []


def test_the_same_seed_says_the_same() -> None:
    first, second = (eventful_scene(np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first.events
