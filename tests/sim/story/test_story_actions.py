"""What a sentence says, seen in the trace: ways from, through and round objects, and together."""

from math import cos, hypot, pi, sin

import numpy as np
import pytest

from entities.actions import ACTIONS, ActionType
from entities.skeleton import PELVIS
from sim import parse_prompt, simulate
from sim.story.staging.perform import UPPER_BODY
from sim.trace import Trace
from tests.sim.story.test_story_relations import (
    AWAY,
    LEFT,
    RIGHT,
    TOWARD,
    Run,
    arrives,
    beside,
    between,
    circles,
    heads,
    moved,
    near,
    passes,
    run,
)

A = ActionType


def leaves(kind: str):
    """Starts at an object and goes well away from it."""

    def check(r: Run, points: np.ndarray) -> bool:
        gap = r.edge(kind, points)
        return bool(gap[0] < 2.0 and gap[-1] > gap[0] + 2.0)

    return check


def crosses(kind: str):
    """Comes from one side of an object, over or through it, to the other."""

    def check(r: Run, points: np.ndarray) -> bool:
        gap = r.edge(kind, points)
        middle = r.thing(kind)
        turned = (points[0] - middle) @ (points[-1] - middle)
        return bool(gap.min() < 0.15 and gap[0] > 0.5 and gap[-1] > 0.5 and turned < 0.0)

    return check


def returns(r: Run, points: np.ndarray) -> bool:
    """Ends about where it began, after having been elsewhere."""
    away = np.hypot(*(points - points[0]).T)
    return bool(away.max() > 2.0 and away[-1] < 0.35 * away.max())


def from_to(first: str, last: str):
    """Starts at one object and arrives at another."""

    def check(r: Run, points: np.ndarray) -> bool:
        return leaves(first)(r, points) and bool(r.edge(last, points[-1:])[0] < 1.6)

    return check


CASES = [
    ("a man walks from the tree to the car", "man", from_to("tree", "car")),
    ("a girl runs from the house to the bench", "girl", from_to("house", "bench")),
    ("a robot marches from the box to the flag", "robot", from_to("box", "flag")),
    ("a boy runs out of the house", "boy", leaves("house")),
    ("a woman walks away from the car", "woman", leaves("car")),
    ("a thief leaves the building", "thief", leaves("building")),
    ("a man jumps over the fence", "man", crosses("fence")),
    ("a dog leaps over a rock to the left", "dog", crosses("rock")),
    ("a woman walks through the door", "woman", crosses("door")),
    ("a child runs through the door to the left", "child", crosses("door")),
    ("a woman paces back and forth", "woman", returns),
    ("a child runs in circles", "child", returns),
    ("a man walks in a figure eight", "man", returns),
    ("a robot walks in a square", "robot", returns),
    ("a man runs to the tree and back", "man", returns),
    ("a man jogs around the house", "man", circles("house")),
    ("a girl skips around the bench", "girl", circles("bench")),
    ("a woman walks between the house and the tree", "woman", between("house", "tree")),
    ("a dog runs between two boxes", "dog", between("box", "box")),
    ("a soldier marches past the flag", "soldier", passes("flag")),
    ("a man walks past the sign to the left", "man", passes("sign")),
    ("a woman runs past the house", "woman", passes("house")),
    ("a boy hides behind the rock", "boy", beside("rock", AWAY)),
    ("a man walks behind the tree", "man", beside("tree", AWAY)),
    ("a girl sits in front of the tree", "girl", beside("tree", TOWARD)),
    ("a dog sits to the right of the bench", "dog", beside("bench", RIGHT)),
    ("a cat sleeps to the left of the house", "cat", beside("house", LEFT)),
    ("a woman rides a bicycle to the tree", "woman", arrives("tree")),
    ("a tired man limps to the bench", "man", near("bench")),
    ("a zombie walks toward the camera", "zombie", heads(TOWARD, 1.0)),
    ("a man crawls away from the camera", "man", heads(AWAY, 1.0)),
    ("a woman comes in from the left", "woman", heads(RIGHT)),
]


@pytest.mark.parametrize(("prompt", "actor", "check"), CASES, ids=[case[0] for case in CASES])
def test_the_relation_holds_in_the_trace(prompt: str, actor: str, check) -> None:
    done = run(prompt)
    points = done.of(actor)
    assert check(done, points), f"{points[0]} -> {points[-1]}, {done.scene.objects}"


def played(prompt: str, seconds: float | None = None):
    scene = parse_prompt(prompt)
    return scene, simulate(scene, seconds or scene.duration)


def row_of(trace: Trace, actor: str) -> int:
    return list(trace.actor_ids).index(actor)


@pytest.mark.parametrize(
    ("prompt", "gesture"),
    [
        ("a man walks to the right while waving", A.WAVE),
        ("a woman walks and talks on the phone", A.PHONE),
        ("a guy sings while he walks to the house", A.SING),
        ("a girl walks to the tree while eating an apple", A.EATING),
    ],
)
def test_a_gesture_on_the_way_does_not_stop_it(prompt: str, gesture: ActionType) -> None:
    scene, trace = played(prompt)
    doing = trace.action[:, 0] == ACTIONS.index(gesture)
    speed = np.hypot(*np.diff(trace.root[:, 0, :2], axis=0).T) * 60.0
    assert doing.sum() > 90
    assert np.median(speed[doing[1:]][:90]) > 0.8
    assert gesture in UPPER_BODY
    assert "not understood" not in scene.description


@pytest.mark.parametrize(
    "prompt", ["a man is knocked down by a car", "a truck hits a woman", "a car runs over a robot"]
)
def test_a_car_really_drives_into_who_it_hits(prompt: str) -> None:
    scene, trace = played(prompt)
    assert scene.objects[0].movement_path
    gap = np.hypot(*(trace.object_position[:, 0, :2] - trace.root[:, 0, :2]).T)
    pelvis = trace.pose[:, 0, PELVIS, 1]
    struck = int(np.flatnonzero(gap < 2.6)[0])
    assert gap[0] > 6.0
    assert pelvis[:struck].min() > 0.8
    assert pelvis[struck : struck + 90].min() < 0.3
    thrown = trace.root[struck + 60, 0, :2] - trace.root[struck - 5, 0, :2]
    assert np.hypot(*thrown) > 1.0
    assert pelvis[-1] > 0.8


@pytest.mark.parametrize("seat", ["chair", "bench", "sofa"])
def test_who_walks_to_a_seat_sits_with_his_back_to_its_rest(seat: str) -> None:
    scene, trace = played(f"a man walks to the {seat} and sits down")
    facing = scene.objects[0].heading
    apart = (trace.heading[-1, 0] - facing + pi) % (2.0 * pi) - pi
    assert abs(apart) < 0.35
    thing = scene.objects[0].position
    assert hypot(trace.root[-1, 0, 0] - thing.x, trace.root[-1, 0, 1] - thing.y) < 1.0
    assert trace.pose[-1, 0, PELVIS, 1] < 0.75


@pytest.mark.parametrize(
    "prompt",
    [
        "a man walks to the tree, then waves to a woman behind him",
        "a man runs to the left and shouts at a dog to the right",
        "Anna waves at Ben",
        "a boy talks to a girl",
        "a man throws a ball to a woman",
    ],
)
def test_people_face_whom_they_mean(prompt: str) -> None:
    scene, trace = played(prompt)
    cue = next(cue for cue in scene.actors[0].cues if cue.target)
    k = min(round((cue.t + 1.2) * 60), len(trace.time) - 1)
    me, you = trace.root[k, 0, :2], trace.root[k, row_of(trace, str(cue.target)), :2]
    way = (you - me) / np.hypot(*(you - me))
    heading = trace.heading[k, 0]
    assert cos(heading) * way[0] + sin(heading) * way[1] > 0.8


def test_a_soccer_game_has_one_ball_that_changes_feet_and_two_sides() -> None:
    scene, trace = played("two teams of 3 kids play soccer")
    assert [o.object_type.value for o in scene.objects].count("soccer_ball") == 1
    assert len({actor.team for actor in scene.actors}) == 2
    assert len({actor.color for actor in scene.actors}) == 2
    kickers = [a.id for a in scene.actors if any(x is A.KICKING for _, x in a.actions)]
    assert len(kickers) >= 3
    ball = trace.object_position[:, 0, :2]
    assert np.hypot(*np.diff(ball, axis=0).T).sum() > 8.0


def test_a_basketball_game_has_one_ball_and_a_hoop() -> None:
    scene = parse_prompt("four men play basketball")
    assert sorted(o.object_type.value for o in scene.objects) == ["basketball", "hoop"]
    done = [action for actor in scene.actors for _, action in actor.actions]
    assert {A.DRIBBLING, A.SHOOTING} <= set(done)


def test_two_play_baseball_without_extra_people() -> None:
    scene = parse_prompt("two boys play baseball")
    assert [len(scene.actors), scene.theme] == [2, "baseball"]
    assert A.BATTING in [a for _, a in scene.actors[0].actions]
    assert A.PITCHING in [a for _, a in scene.actors[1].actions]


def test_in_place_stays_there_and_says_how_it_is_shown() -> None:
    scene, trace = played("a woman jogs in place")
    assert np.hypot(*np.ptp(trace.root[:, 0, :2], axis=0)) < 2.5
    assert "in place" in scene.description


def test_two_who_pass_each_other_swap_sides() -> None:
    done = run("two women walk past each other")
    first, second = done.of("woman_1"), done.of("woman_2")
    assert (first[0] - second[0])[0] < -2.0
    assert (first[-1] - second[-1])[0] > 1.0
    assert float(moved(first) @ moved(second)) < 0.0


def test_teams_and_parts_of_groups() -> None:
    scene = parse_prompt("three teams of four people race to the flag")
    assert [len(scene.actors), len({a.team for a in scene.actors})] == [12, 3]
    girls = parse_prompt("one of the three girls falls over").actors
    assert [any(x is A.FALL for _, x in a.actions) for a in girls] == [True, False, False]


def test_the_camera_knows_the_main_mover() -> None:
    scene = parse_prompt("a woman waves and a man runs 30 meters to the left")
    assert scene.camera.follow == "man"


def test_stop_doing_shows_it_first() -> None:
    (woman,) = parse_prompt("a woman stops dancing and walks away").actors
    assert [x for _, x in woman.actions if x is not A.IDLE] == [A.DANCE, A.WALK]


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("a girl raises her hand", A.WAVE),
        ("a boy picks the ball up", A.PICK_UP),
        ("a gymnast does two cartwheels", A.CARTWHEEL),
        ("a man is chatting on his phone", A.PHONE),
        ("a mother gives her son a big hug", A.HUG),
        ("a woman grabs a cup and drinks", A.DRINKING),
    ],
)
def test_phrases(prompt: str, word: ActionType) -> None:
    scene = parse_prompt(prompt)
    assert word in [action for _, action in scene.actors[0].actions]
    assert scene.description == ""
