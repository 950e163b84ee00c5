"""What hands and words bring about, seen in the trace: laid down, handed over, thrown, landed."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from entities.actions import ActionType
from entities.objects import ObjectType, footprint_m, height_m
from entities.scene import Scene
from sim import parse_prompt, simulate
from sim.story.language.lexicon import RoleFile, ThemeFile, roles, themes
from sim.trace import Trace

A, T = ActionType, ObjectType


def played(prompt: str) -> tuple[Scene, Trace]:
    scene = parse_prompt(prompt)
    return scene, simulate(scene)


def thing(trace: Trace, name: str) -> np.ndarray:
    return trace.object_position[:, trace.object_ids.index(name)]


def person(trace: Trace, name: str) -> np.ndarray:
    return trace.root[:, trace.actor_ids.index(name)]


def does(scene: Scene, name: str) -> list[ActionType]:
    actor = next(actor for actor in scene.actors if actor.id == name)
    return [action for _, action in actor.actions if action is not A.IDLE]


@pytest.mark.parametrize("what", ["cup", "box", "ball"])
def test_what_is_put_on_a_table_stays_there(what: str) -> None:
    _, trace = played(f"a man puts a {what} on the table")
    x, y, z = thing(trace, what)[-1] - thing(trace, "table")[-1]
    long, wide = footprint_m(T.TABLE, 1.0)
    centre = 0.5 * height_m(T.BALL) if what == "ball" else 0.0
    assert abs(z - height_m(T.TABLE) - centre) < 0.02
    assert max(abs(x), abs(y)) < 0.5 * max(long, wide)


def test_what_lies_on_a_table_lies_there_until_it_is_taken() -> None:
    _, trace = played("a man picks up a book from the table")
    height = thing(trace, "book")[:, 2]
    assert np.abs(height[:30] - height_m(T.TABLE)).max() < 0.01
    assert height[-1] > 0.6


def test_what_is_given_changes_hands() -> None:
    scene, trace = played("a girl gives her brother an apple and he eats it")
    apple = thing(trace, "food")
    near = [np.hypot(*(apple[k] - person(trace, who)[k])[:2]) for k in (0, -1)
            for who in ("girl", "brother")]  # fmt: skip
    assert near[0] < 0.6 < near[1]
    assert near[3] < 0.6
    assert A.EATING in does(scene, "brother")


def test_a_bouquet_is_thrown_and_caught() -> None:
    _, trace = played("the bride throws a bouquet to a girl")
    bouquet = thing(trace, "bush")
    apart = np.hypot(*(bouquet - person(trace, "girl"))[:, :2].T)
    assert apart[0] > 5.0
    assert apart[-1] < 0.8
    assert bouquet[-1, 2] > 0.3  # in her hands, not on the grass


def test_what_lands_and_takes_off_goes_up_and_down() -> None:
    _, trace = played("a ufo lands")
    height = thing(trace, "ufo")[:, 2]
    assert height[0] > 8.0 > 0.05 > height[-1]
    _, trace = played("a spaceship takes off")
    height = thing(trace, "spaceship")[:, 2]
    assert height[0] < 0.05
    assert (np.diff(height) >= -1e-4).all()
    assert height[-1] > 8.0


@pytest.mark.parametrize(
    "prompt",
    [
        "the pitcher throws the ball to the catcher and the batter hits it",
        "the pitcher throws a fastball and the batter hits it",
        "four men play baseball",
    ],
)
def test_a_batter_hits_the_pitch(prompt: str) -> None:
    _, trace = played(prompt)
    ball = thing(trace, "baseball")
    near = int(np.argmin(ball[:, 1]))  # as it comes to the plate
    assert 0.0 < ball[near, 1] < 2.5
    assert ball[near:, 1].max() > 25.0


def test_who_kneels_before_somebody_faces_him() -> None:
    scene, trace = played("a knight kneels before the king")
    way = person(trace, "king")[-1] - person(trace, "knight")[-1]
    heading = trace.heading[-1, trace.actor_ids.index("knight")]
    assert np.hypot(way[0], way[1]) < 2.0
    assert np.cos(heading - np.arctan2(way[1], way[0])) > 0.9
    assert does(scene, "knight") == [A.KNEEL]


def test_pursuers_pursue() -> None:
    _, trace = played("an agent runs away from two pursuers")
    for name in ("pursuer_1", "pursuer_2"):
        gap = np.hypot(*(person(trace, "agent") - person(trace, name))[:, :2].T)
        assert person(trace, name)[-1, 0] - person(trace, name)[0, 0] > 15.0
        assert gap[-1] < 8.0


@pytest.mark.parametrize(
    ("prompt", "deeds"),
    [
        ("he won't dance but she will", {"man": [], "woman": [A.DANCE]}),
        ("Tom runs and Mary does too", {"tom": [A.RUN], "mary": [A.RUN]}),
        ("everyone dances except Tom", {"person_1": [A.DANCE], "tom": []}),
        ("nobody dances except one man", {"man": [A.DANCE]}),
        ("three men sit, except one who stands", {"man_1": [A.SIT], "man_3": [A.STAND]}),
        ("guard 1 walks left, guard 2 waves", {"guard_1": [A.WALK], "guard_2": [A.WAVE]}),
        ("a man runs, not walks, to the tree", {"man": [A.RUN]}),
        ("a woman reads sitting on a bench", {"woman": [A.SIT, A.READING]}),
        ("he does a cartwheel, a roll and a jump", {"man": [A.CARTWHEEL, A.ROLL, A.JUMP]}),
        ("she slows down to a walk", {"woman": [A.WALK]}),
        ("Tom is a robot. He waves.", {"tom": [A.WAVE]}),
        ("a goal is scored by the striker", {"striker": [A.KICKING]}),
        ("a policeman catches a thief", {"policeman": [A.TACKLE], "thief": [A.FALL]}),
        ("the pitcher throws a fastball and the batter hits it", {"batter": [A.BATTING]}),
    ],
)
def test_who_does_what(prompt: str, deeds: dict[str, list[ActionType]]) -> None:
    scene = parse_prompt(prompt)
    assert {name: does(scene, name) for name in deeds} == deeds


def test_a_newcomer_adds_a_role_and_a_place_without_code(tmp_path: Path) -> None:
    """A copy of the data with two more entries, read by a fresh process."""
    story = Path(str(resources.files("sim.story.language")))
    added_role = roles().model_dump(mode="json", exclude_defaults=True)
    added_role["roles"]["zamboner"] = {
        "words": ["zamboner"], "theme": "curling hall", "action": "push", "color": "teal",
    }  # fmt: skip
    added_theme = themes().model_dump(mode="json", exclude_defaults=True)
    added_theme["themes"]["curling hall"] = {"set": "track", "words": ["curling hall"]}
    for name, value in (("roles", added_role), ("themes", added_theme)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    for name in ("spelling", "verbs", "words"):
        (tmp_path / f"{name}.json").write_bytes((story / f"{name}.json").read_bytes())
    code = (
        "import sys, pathlib\n"
        "from sim.story import parse_prompt\n"
        "from sim.story.language import lexicon\n"
        "lexicon.resources.files = lambda package: pathlib.Path(sys.argv[1])\n"
        "scene = parse_prompt('two zamboners wave')\n"
        "print(len(scene.actors), scene.theme, scene.actors[0].color, repr(scene.description))\n"
        "scene = parse_prompt('a man runs in the curling hall')\n"
        "print(scene.theme, repr(scene.description))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines() == ["2 track teal ''", "track ''"], ran.stderr


def test_the_data_refuse_what_they_do_not_know() -> None:
    entry = roles().model_dump(mode="json", exclude_defaults=True)
    entry["roles"]["lifeguard"]["swims"] = True
    with pytest.raises(ValidationError, match=r"roles\.lifeguard\.swims"):
        RoleFile.model_validate(entry)
    place = themes().model_dump(mode="json", exclude_defaults=True)
    place["themes"]["rink"]["weather"] = "icy"
    with pytest.raises(ValidationError, match=r"themes\.rink\.weather"):
        ThemeFile.model_validate(place)
    assert len(themes().themes) >= 30
