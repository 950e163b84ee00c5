"""Where people really are when a sentence says left, to, past, between: read off the trace."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import pi

import numpy as np
import pytest

from entities.actions import ACTIONS, ActionType
from entities.objects import footprint_m
from entities.scene import Scene
from entities.stages import places
from sim import parse_prompt, simulate

AT_M = 1.6
"""m from the middle of an actor to the edge of its goal."""


@dataclass(eq=False)
class Run:
    """A simulated prompt: the actors' positions, and those of objects at the start."""

    scene: Scene
    time: np.ndarray  # (T,)
    root: np.ndarray  # (T, A, 2)
    action: np.ndarray  # (T, A)

    def of(self, actor: str) -> np.ndarray:
        """(T, 2) m, one actor's way."""
        return self.root[:, [a.id for a in self.scene.actors].index(actor)]

    def thing(self, kind: str, n: int = 0) -> np.ndarray:
        """(2,) m, the n-th object of a kind at the start."""
        found = [o for o in self.scene.objects if o.object_type.value == kind]
        return np.array([found[n].position.x, found[n].position.y])

    def edge(self, kind: str, points: np.ndarray) -> np.ndarray:
        """(T,) m from points to the edge of the first object of a kind."""
        item = next(o for o in self.scene.objects if o.object_type.value == kind)
        length, width = footprint_m(item.object_type, item.scale)
        c, s = np.cos(item.heading), np.sin(item.heading)
        apart = points - self.thing(kind)
        along = np.abs(apart @ [c, s]) - 0.5 * length
        across = np.abs(apart @ [-s, c]) - 0.5 * width
        return np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))

    def starts(self, actor: str, action: ActionType) -> float:
        """Seconds at which an actor first does something."""
        row = [a.id for a in self.scene.actors].index(actor)
        when = np.flatnonzero(self.action[:, row] == ACTIONS.index(action))
        assert len(when), f"{actor} never does {action}"
        return float(self.time[when[0]])


def run(prompt: str, seconds: float | None = None) -> Run:
    scene = parse_prompt(prompt)
    trace = simulate(scene, seconds=seconds or scene.duration)
    return Run(scene, trace.time, trace.root[..., :2].astype(float), trace.action)


def moved(points: np.ndarray) -> np.ndarray:
    return points[-1] - points[0]


def heads(way: tuple[float, float], least: float = 2.0) -> Callable[[Run, np.ndarray], bool]:
    """Goes at least so far in a direction, and hardly aside."""

    def check(_: Run, points: np.ndarray) -> bool:
        shift = moved(points)
        along = float(shift @ np.array(way))
        return along > least and abs(float(shift @ np.array((-way[1], way[0])))) < 0.2 * along

    return check


def arrives(kind: str) -> Callable[[Run, np.ndarray], bool]:
    """Comes from afar and stands at an object."""

    def check(r: Run, points: np.ndarray) -> bool:
        gap = r.edge(kind, points)
        return (
            gap[0] > 1.5 and gap[-1] < AT_M and float(np.hypot(*(points[-1] - points[-30]))) < 0.1
        )

    return check


def passes(kind: str) -> Callable[[Run, np.ndarray], bool]:
    """Comes by an object without touching it and goes on."""

    def check(r: Run, points: np.ndarray) -> bool:
        gap = r.edge(kind, points)
        near = int(gap.argmin())
        return 0.1 < gap[near] < 2.5 and gap[0] > gap[near] + 1 and gap[-1] > gap[near] + 1

    return check


def circles(kind: str) -> Callable[[Run, np.ndarray], bool]:
    """Goes once round an object."""

    def check(r: Run, points: np.ndarray) -> bool:
        apart = points - r.thing(kind)
        turned = np.unwrap(np.arctan2(apart[:, 1], apart[:, 0]))
        return float(np.abs(np.ptp(turned))) > 1.7 * pi

    return check


def between(first: str, second: str) -> Callable[[Run, np.ndarray], bool]:
    """Crosses the line between two objects near its middle."""

    def check(r: Run, points: np.ndarray) -> bool:
        a = r.thing(first)
        b = r.thing(second, 1 if first == second else 0)
        return float(np.hypot(*(points - 0.5 * (a + b)).T).min()) < 0.4 * float(np.hypot(*(b - a)))

    return check


def beside(kind: str, way: tuple[float, float]) -> Callable[[Run, np.ndarray], bool]:
    """Ends on one side of an object."""

    def check(r: Run, points: np.ndarray) -> bool:
        apart = points[-1] - r.thing(kind)
        along = float(apart @ np.array(way))
        return along > 0.2 and r.edge(kind, points[-1:])[0] < AT_M

    return check


def near(kind: str) -> Callable[[Run, np.ndarray], bool]:
    """Is at an object in the end."""
    return lambda r, points: bool(r.edge(kind, points[-1:])[0] < AT_M)


LEFT, RIGHT, AWAY, TOWARD = (-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, -1.0)
CASES: list[tuple[str, str, Callable[[Run, np.ndarray], bool]]] = [
    ("a man runs left", "man", heads(LEFT)),
    ("a woman walks to the right", "woman", heads(RIGHT)),
    ("a dog runs away from the camera", "dog", heads(AWAY)),
    ("a child walks toward the viewer", "child", heads(TOWARD)),
    ("a robot marches from left to right", "robot", heads(RIGHT)),
    ("a man sprints from right to left", "man", heads(LEFT, 20.0)),
    ("a cat sneaks into the distance", "cat", heads(AWAY)),
    ("a man walks backwards to the left", "man", heads(LEFT)),
    ("a woman walks slowly to the left", "woman", heads(LEFT)),
    ("a man walks away", "man", heads(AWAY)),
    ("a woman strafes to the right", "woman", heads(RIGHT)),
    ("a man runs 10 meters to the left", "man", heads(LEFT, 9.0)),
    ("a man runs to the tree", "man", arrives("tree")),
    ("a woman jogs up to the car", "woman", arrives("car")),
    ("a dog runs to the house", "dog", arrives("house")),
    ("a man walks left to the bench", "man", arrives("bench")),
    ("a boy crawls to the box", "boy", arrives("box")),
    ("a girl approaches the building", "girl", arrives("building")),
    ("a man walks from the bench to the tree", "man", arrives("tree")),
    ("a woman walks past the tree", "woman", passes("tree")),
    ("a man runs past a car", "man", passes("car")),
    ("a man jogs to the left past the bench", "man", passes("bench")),
    ("a robot walks by the lamp", "robot", passes("lamp")),
    ("a man runs around the tree", "man", circles("tree")),
    ("a dog runs around the car", "dog", circles("car")),
    ("a woman circles the rock", "woman", circles("rock")),
    ("a man walks between two trees", "man", between("tree", "tree")),
    ("a woman runs between the car and the tree", "woman", between("car", "tree")),
    ("a boy stands between two rocks", "boy", between("rock", "rock")),
    ("a man stands behind the car", "man", beside("car", AWAY)),
    ("a cat hides behind the bush", "cat", beside("bush", AWAY)),
    ("a woman stands in front of the house", "woman", beside("house", TOWARD)),
    ("a man waves next to the tree", "man", near("tree")),
    ("a man kneels to the left of the rock", "man", beside("rock", LEFT)),
    ("a man kneels to the right of the rock", "man", beside("rock", RIGHT)),
    ("a woman runs behind the house", "woman", beside("house", AWAY)),
    ("a man walks in front of the car and waves", "man", beside("car", TOWARD)),
    ("a man sits under the tree", "man", near("tree")),
    ("a woman walks to the chair and sits down", "woman", near("chair")),
    ("a man picks up the box", "man", near("box")),
]


@pytest.mark.parametrize(("prompt", "actor", "check"), CASES, ids=[case[0] for case in CASES])
def test_the_relation_holds_in_the_trace(
    prompt: str, actor: str, check: Callable[[Run, np.ndarray], bool]
) -> None:
    done = run(prompt)
    points = done.of(actor)
    assert check(done, points), f"{points[0]} -> {points[-1]}, {done.scene.objects}"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("a man waves and then bows", (0, "wave"), (0, "bow")),
        ("a man sits down after he waves", (0, "wave"), (0, "sit")),
        ("before he jumps, a man claps", (0, "clap"), (0, "jump")),
        ("a woman runs to the tree, then a man claps", (0, "run"), (1, "clap")),
        ("a man bows until a woman claps", (0, "bow"), (1, "clap")),
        ("after a woman sings, a man claps", (0, "sing"), (1, "clap")),
    ],
)
def test_the_order_of_the_words_of_time(
    prompt: str, first: tuple[int, str], second: tuple[int, str]
) -> None:
    done = run(prompt)
    names = [actor.id for actor in done.scene.actors]
    early = done.starts(names[first[0]], ActionType(first[1]))
    assert early < done.starts(names[second[0]], ActionType(second[1])) - 0.5


def test_while_means_at_the_same_time() -> None:
    done = run("a man dances while a woman claps", 3.0)
    apart = done.starts("man", ActionType.DANCE) - done.starts("woman", ActionType.CLAP)
    assert abs(apart) < 0.1


def test_opposite_ways_and_chases() -> None:
    done = run("two men run in opposite directions", 4.0)
    assert moved(done.of("man_1")) @ moved(done.of("man_2")) < -50.0
    done = run("a dog chases a cat to the left", 5.0)
    gap = done.of("dog")[:, 0] - done.of("cat")[:, 0]
    assert (gap > 1.0).all()
    assert (gap < 5.0).all()
    assert moved(done.of("cat"))[0] < -10.0


def test_two_who_meet_end_at_arms_length() -> None:
    done = run("a man and a woman walk towards each other and shake hands")
    gap = np.hypot(*(done.of("man")[-1] - done.of("woman")[-1]))
    assert 0.6 < gap < 1.1
    assert np.hypot(*(done.of("man")[0] - done.of("woman")[0])) > 3.0


def test_walking_slowly_is_slower_and_sprinting_faster() -> None:
    ways = [
        float(moved(run(f"a man {how} to the right", 6.0).of("man"))[0])
        for how in ("walks slowly", "walks", "jogs", "runs", "sprints")
    ]
    assert all(a < 0.85 * b for a, b in pairwise(ways))


def test_home_run_passes_every_base_in_order() -> None:
    done = run("a man hits a home run")
    points, passed = done.of("man"), 0
    for base in ("first", "second", "third", "home"):
        gap = np.hypot(*(points[passed:] - places("baseball")[base]).T)
        within = np.flatnonzero(gap < 0.5)
        assert len(within), base
        passed += int(within[0]) + 1
    step = np.hypot(*np.diff(points, axis=0).T) * 60.0
    began = round(done.starts("man", ActionType.RUNNING_BASES) * 60)
    steady = step[began + 150 : passed - 150]
    assert steady.min() >= 5.0
    assert steady.max() <= 8.0
    assert np.hypot(*(points[-1] - places("baseball")["home"])) < 0.5


def test_a_pitcher_pitches_over_the_plate_whatever_the_verb() -> None:
    for text in ("a pitcher throws the ball to the catcher", "a pitcher pitches to a batter"):
        scene = parse_prompt(text)
        trace = simulate(scene)
        ball = trace.object_position[:, trace.object_ids.index("baseball")]
        before = np.argmax(ball[:, 1] < 1.0)  # a bat meets it a little before the plate
        assert before > 0
        crossing = ball[before - 1]
        assert abs(crossing[0] - places("baseball")["home"][0]) < 0.6
        assert 0.3 < crossing[2] < 1.8
        assert "catcher" in trace.actor_ids
