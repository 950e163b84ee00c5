"""Any prompt of the length that is read is a scene that moves, or one line, within two seconds."""

import pytest

from sim.robustness.prompts import KINDS, LIMIT_S, attempt, hostile_prompts, try_prompt
from sim.story.language.reading import MAX_PROMPT


def tried(seed: int, count: int) -> list[str]:
    """The prompts that took too long; whatever is no refusal raises."""
    slow = []
    for kind, text in hostile_prompts(seed, count):
        seconds = try_prompt(text).seconds
        if seconds > LIMIT_S:
            slow.append(f"{seconds:.1f} s, {kind}: {text[:200]!r}")
    return slow


def test_a_seed_gives_the_same_prompts_of_every_kind():
    first, again, other = (list(hostile_prompts(seed, 3 * len(KINDS))) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [kind for kind, _ in first] == 3 * list(KINDS)
    assert max(len(text) for _, text in first) <= MAX_PROMPT + 1


def test_some_of_every_kind():
    assert tried(0, 2 * len(KINDS)) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_every_kind():
    assert tried(1, 250 * len(KINDS)) == []


@pytest.mark.slow
def test_the_campaign_tries_them(tmp_path):
    outcome = attempt(4, tmp_path)
    assert outcome.failures == []
    assert 0 < outcome.refused < outcome.runs
    assert (tmp_path / "prompt.txt").is_file()


@pytest.mark.parametrize(
    "prompt",
    [
        "1000 pitchers catch a fastball",
        "1000 people sit on 1000 chairs",
        "1000 people run to the tree",
    ],
)
def test_a_crowd_takes_no_longer(prompt):
    trial = try_prompt(prompt)
    assert trial.actors == 1000
    assert trial.seconds < LIMIT_S


@pytest.mark.slow
@pytest.mark.parametrize(
    "prompt",
    [
        "a man hugs 999 women",
        "1000 men behind 1000 trees",
        "500 men chase 500 dogs",
        "1000 people each carry a box",
        "1000 people drive 1000 cars",
        "1000 people run the bases",
        "999 policemen chase a thief",
        "1000 people walk around the tree",
        "1000 people jump over a box",
        "1000 people under a tree",
        "1000 people play soccer",
        "333 people hit a home run",
        "500 couples dance",
    ],
)
def test_nor_does_any_other_crowd(prompt):
    assert try_prompt(prompt).seconds < LIMIT_S


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("& " * 1_000, "not understood"),
        ("a " * 1_000, "not understood"),
        ("a man and a woman fight for 1e9 seconds", "the story takes"),
        ("a man walks in place for 1e9 seconds", "the story takes"),
        ("a man crosses the street 10^9 metres, then waves", "the story takes"),
        ("1000 men run. " + "They jump. " * 170, "things in all"),
        ("999 citizens catch up with each other towards the bus", "points in all"),
        ("a" * MAX_PROMPT, "not understood"),
    ],
)
def test_what_is_too_much_is_refused(prompt, told):
    trial = try_prompt(prompt)
    assert told in trial.refusal
    assert trial.seconds < LIMIT_S


@pytest.mark.parametrize(
    "prompt",
    [
        "a man pushes a car for 0.001 seconds, then stampedes to the seat",
        "a moonwalker shouts won't stop stop under kitty throws fists",
        "50 men swing 500 golf balls",
    ],
)
def test_what_once_could_not_be_built_or_moved(prompt):
    assert try_prompt(prompt).refusal == ""
