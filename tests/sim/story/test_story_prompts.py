"""Labelled prompts: what share of them the story engine understands, aspect by aspect."""

import json
from pathlib import Path

import pytest

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.evaluate.story_labels import ASPECTS, DIRECTIONS, judge, read_labels, score
from sim.story import parse_prompt

FLOORS = {
    "dev": (0.97, 0.98), "test": (0.90, 0.95), "blind": (0.90, 0.95), "blind2": (0.90, 0.95),
    "blind3": (0.90, 0.95), "blind4": (0.90, 0.95), "blind5": (0.90, 0.95),
    "blind6": (0.90, 0.95), "stranger": (0.90, 0.95), "stranger2": (0.90, 0.95),
}  # fmt: skip
"""Least share all right, and right per aspect."""
LEAST = {"dev": 300, "test": 100, "blind": 150, "blind2": 100, "blind3": 100, "blind4": 100,
         "blind5": 90, "blind6": 90, "stranger": 110, "stranger2": 40}  # fmt: skip


@pytest.mark.parametrize("part", list(FLOORS))
def test_the_labelled_prompts_are_understood(part: str) -> None:
    shares, failures = score(read_labels(part))
    report = " ".join(f"{aspect} {share:.1%}" for aspect, share in shares.items())
    every, each = FLOORS[part]
    assert shares["all"] >= every, report + "\n" + "\n".join(failures)
    assert min(shares[aspect] for aspect in ASPECTS) >= each, report + "\n" + "\n".join(failures)


@pytest.mark.parametrize("part", list(FLOORS))
def test_labels_are_complete(part: str) -> None:
    labels = read_labels(part)
    assert len(labels) >= LEAST[part]
    assert len({label["prompt"] for label in labels}) == len(labels)
    for label in labels:
        assert {"prompt", *ASPECTS} - {"look"} <= set(label) <= {"prompt", *ASPECTS}
        for choice in label["actions"]:
            assert {ActionType(name) for name in choice.removeprefix("-").split("/")}
        for name in label["objects"]:
            assert {ObjectType(kind) for kind in name.rstrip("?").split("/")}
        assert label["direction"] in (None, *DIRECTIONS)


def test_no_two_sets_share_a_prompt() -> None:
    prompts = [label["prompt"].lower() for part in FLOORS for label in read_labels(part)]
    assert len(set(prompts)) == len(prompts)


BASE = {"count": 1, "actions": ["walk"], "objects": ["tree"], "direction": None,
        "relation": "to:tree", "theme": "generic", "look": ["clear", "human"]}  # fmt: skip


@pytest.mark.parametrize(
    ("aspect", "wrong"),
    [
        ("count", 2),
        ("count", [2, 5]),
        ("actions", ["run"]),
        ("actions", ["walk", "wave"]),
        ("actions", ["-walk"]),
        ("objects", []),
        ("objects", ["tree", "tree"]),
        ("objects", ["car?"]),
        ("direction", "left"),
        ("relation", "past:tree"),
        ("relation", "from:tree"),
        ("relation", "to:car"),
        ("relation", "around:tree"),
        ("relation", "behind:tree"),
        ("relation", "to:tree+left"),
        ("theme", "park/beach"),
        ("look", ["human", "rain/snow"]),
        ("look", ["tired"]),
    ],
)
def test_a_wrong_label_is_found_out(aspect: str, wrong: object) -> None:
    scene = parse_prompt("a man walks to the tree")
    assert all(judge(BASE, scene).values())
    assert [a for a, ok in judge({**BASE, aspect: wrong}, scene).items() if not ok] == [aspect]


def test_choices_in_labels() -> None:
    scene = parse_prompt("a man walks to the tree")
    loose = {**BASE, "count": [1, 3], "actions": ["run/walk", "-jump"], "objects": ["tree", "cup?"],
             "theme": "park/generic"}  # fmt: skip
    assert all(judge(loose, scene).values())


def test_a_file_of_ones_own_can_be_scored(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"prompt": "a man walks to the tree", **BASE}) + "\n", "utf-8")
    shares, failures = score(read_labels(str(path)))
    assert set(shares.values()) == {1.0}
    assert failures == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": None}, "prompt is null"),
        ({"count": "1"}, 'count is "1"'),
        ({"count": [1, 2, 3]}, "count is [1, 2, 3]"),
        ({"actions": "run"}, 'actions is "run"'),
        ({"objects": [3]}, "objects is [3]"),
        ({"direction": "up"}, 'direction is "up"'),
        ({"relation": "beneath:tree"}, 'relation is "beneath:tree"'),
        ({"theme": 3}, "theme is 3"),
        ({"look": {}}, "look is {}"),
    ],
)
def test_a_line_that_is_no_label_costs_no_other(tmp_path: Path, change, told) -> None:
    good = {"prompt": "a man walks to the tree", **BASE}
    path, damage = tmp_path / "mine.jsonl", []
    lines = [json.dumps(good), "{", json.dumps(good | change), "[1]", json.dumps(good)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert read_labels(str(path), damage) == [good, good]
    assert [line.split(": ")[0] for line in damage] == [f"{path}:{n}" for n in (2, 3, 4)]
    assert told in damage[1]
    with pytest.raises(ValueError, match="not JSON"):
        read_labels(str(path))
