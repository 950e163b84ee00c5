"""Generated datasets: balanced, true to their words, the same whoever makes them."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from entities.actions import ACTIONS, ActionType
from ml.episodes.reader import Episode, open_dataset
from sim.generate.dataset import Recipe, SceneJob, generate, in_order, make, manifest, verify
from sim.generate.drafts import draft, group
from sim.generate.gates import faults
from sim.generate.phrases import PACES, SHAPES, SPOT_CAPTIONS, TRAVEL_CAPTIONS, WORLD_WAYS
from sim.output.jobs import Answer, Engine, do_all

ROOT = Path(__file__).parents[3]
A = ActionType


def here(work, orders):
    """The engine of one process: this one."""
    return (Answer(i, work(order)) for i, order in enumerate(orders))


def test_a_draft_is_a_function_of_its_numbers():
    one, again, other = draft(3, 5, 2.0), draft(3, 5, 2.0), draft(4, 5, 2.0)
    assert one == again
    assert one.scene.actors[0] != other.scene.actors[0]
    assert len(one.scene.actors) == len(one.clauses) == len(one.captions) >= 48
    assert [draft(0, n, 1.0).split for n in (0, 7, 8, 9)] == ["train", "train", "val", "test"]


def test_any_stretch_of_numbers_is_balanced():
    groups = [group(1, index, 10.0) for index in range(400)]
    kinds = Counter(one.kind for one in groups)
    assert kinds["straight"] + kinds["steady"] == 76
    assert kinds["story"] == 24
    seconds: Counter[ActionType] = Counter()
    for one in groups:
        for actor in one.actors:
            steps = [*actor.actions, (10.0, None)]
            for (t, action), (end, _) in pairwise(steps):
                seconds[action] += max(0.0, min(end, 10.0) - t)
    every = set(ActionType) - {A.CATCHING}
    assert min(seconds[action] for action in every) > 1.0
    for action in (A.WALK, A.JOG, A.RUN, A.SPRINT):
        assert seconds[action] > 200.0
    assert seconds[A.JUMP] > 40.0
    speeds = np.array([one.asked_mps for one in groups if one.asked_mps is not None])
    shares, _ = np.histogram(speeds, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    assert shares.min() > 0.04 * len(speeds)
    ways = np.array([one.actors[0].heading for one in groups if one.kind != "story"])
    quarters, _ = np.histogram(ways, np.linspace(-np.pi, np.pi, 5))
    assert quarters.min() > 0.22 * len(ways)
    styles = Counter(one.actors[0].style for one in groups if one.kind != "story")
    assert len(styles) == 15
    assert max(n for style, n in styles.items() if style) <= 1.5 * min(styles.values())
    tasks = {captions[0] for one in groups for captions in one.captions}
    assert len(tasks) > 370
    for one in groups:
        for captions in one.captions:
            assert one.kind == "story" or len(captions) == 4


@pytest.fixture(scope="module")
def made() -> list[Episode]:
    """Everybody of a scene."""
    return make(SceneJob(Recipe(0, 10.0), 0))[1]


def clauses(episode: Episode):
    """(clause, rows) of every stretch of at least a second."""
    for i, text in enumerate(episode.subtasks):
        rows = np.flatnonzero(episode.subtask_index == i)
        if len(rows) >= 30:
            yield text, rows


def test_words_are_true(made):
    """What a clause says of place, turn and pace is what the body did meanwhile."""
    seen, wrong = checked(made)
    assert wrong == []
    assert len(seen) >= 12, seen
    assert sum(seen.values()) > 60, seen


@pytest.mark.slow
def test_words_are_true_of_many_and_few_are_rejected():
    rejected, everybody = 0, []
    for number in range(1, 11):
        record, episodes = make(SceneJob(Recipe(5, 10.0), number))
        rejected += len(record.about["rejected"])
        everybody += episodes
    seen, wrong = checked(everybody)
    assert len(wrong) <= 0.005 * sum(seen.values()), wrong
    assert len(seen) >= 20, seen
    assert rejected < 0.01 * len(everybody)


def checked(episodes: list[Episode]):
    """How often each claim was made, and the claims that do not hold."""
    seen: Counter[str] = Counter()
    wrong = []
    for episode in episodes:
        if episode.about["kind"] == "story":
            continue
        for text, rows in clauses(episode):
            for name, holds in claims(episode, text, rows):
                seen[name] += 1
                if not holds:
                    wrong.append((name, text, episode.task))
    return seen, wrong


def claims(episode: Episode, text: str, rows: np.ndarray):
    """(what is claimed, whether it holds) for one clause and its frames."""
    heading, root = episode.heading[rows], episode.root[rows]
    turn = float(heading[-1] - heading[0])
    gone = root[-1, :2] - root[0, :2]
    speed = np.hypot(*episode.velocity[rows, :2].T)
    action = ACTIONS[episode.action_id[rows[len(rows) // 2]]]
    moves = action in TRAVEL_CAPTIONS
    turns = {
        "curve_left": turn > 0.15,
        "curve_right": turn < -0.15,
        "turn_left": turn > 1.2,
        "turn_right": turn < -1.2,
        "back": abs(turn) > 2.6,
        "circle_left": abs(turn) > 5.5,
        "square": abs(turn) > 4.0,
    }
    for name, holds in turns.items():
        if moves and any(said and said in text for said in SHAPES[name]):
            yield name, holds
    for words, least, most in (("turns left", 1.0, 1.6), ("turns right", -1.6, -1.0)):
        if text.startswith(words):
            yield words, least < turn < most
    if text.startswith("turns around and"):
        yield "turned", abs(abs(turn) - 3.0) < 0.3
    if "straight" in text or text.endswith(" ahead"):
        yield "straight", np.ptp(heading) < 0.1
    for name, way in (("right", (1, 0)), ("away", (0, 1)), ("left", (-1, 0)), ("toward", (0, -1))):
        bent = action is A.STRAFE or any(word in text for word in ("curv", "circle", "bend"))
        if not bent and any(said in text for said in WORLD_WAYS[name]):
            yield name, gone @ way / np.hypot(*gone) > 0.9
    if any(said in text for said in PACES["faster"]):
        yield "faster", speed[-5:].mean() > speed[:5].mean() + 0.2
    if any(said in text for said in PACES["slower"]):
        yield "slower", speed[-5:].mean() < speed[:5].mean() - 0.2
    if action is A.WALK_BACKWARDS:
        yield "backwards", bool((episode.state[rows[20:], -2] < 0.0).all())
    if action in (A.WALK, A.JOG, A.RUN, A.SPRINT) and len(rows) > 150:
        low, high = {A.WALK: (0, 2.2), A.JOG: (2, 4), A.RUN: (3.7, 6.6), A.SPRINT: (6, 9.5)}[action]
        yield action.value, low < speed[len(rows) // 2] < high
        said = TRAVEL_CAPTIONS[action] + tuple(f"and {verb}" for verb in TRAVEL_CAPTIONS[action])
        yield "verb", any(verb in text for verb in said)
    if action in SPOT_CAPTIONS:
        yield "deed", any(text.startswith(verb) for verb in SPOT_CAPTIONS[action])


def test_tracks_say_how_they_were_made(made):
    kinds = Counter(episode.about["kind"] for episode in made)
    assert set(kinds) >= {"straight", "steady", "shape", "weave", "paces", "stops", "deeds"}
    assert all(len(episode) == 300 for episode in made)
    assert all(episode.split == "train" for episode in made)
    far = [np.hypot(*(e.root[-1, :2] - e.root[0, :2])) for e in made]
    assert np.quantile(far, 0.75) > 15.0


@pytest.mark.parametrize(
    ("gate", "harm"),
    [
        ("bones", lambda e: e.state.__setitem__((slice(None), 3), e.state[:, 3] * 1.02)),
        ("pops", lambda e: e.state.__setitem__((100, slice(2, 20)), e.state[100, 2:20] + 1.5)),
        ("off_path", lambda e: e.off_path.__setitem__(slice(40), True)),
        ("skates", lambda e: e.root.__setitem__((slice(None), 0), np.linspace(0, 30, 300))),
        ("sinks", lambda e: e.root.__setitem__((slice(None), 2), -0.05)),
        ("speed", lambda e: e.root.__setitem__((slice(None), 0), np.linspace(0, 30, 300))),
    ],
)
def test_every_gate_can_refuse(made, gate, harm):
    walker = next(e for e in made if e.about["kind"] == "straight" and "walk" in e.task)
    track = {name: getattr(walker, name).copy() for name in ("state", "root", "off_path")}
    copy = Episode(**{**{n: getattr(walker, n) for n in Episode.__slots__}, **track})
    gone = np.hypot(*np.diff(walker.root[:, :2], axis=0).T).sum()
    assert faults(copy, gone / 10.0) == []
    harm(copy)
    assert gate in {fault.split()[0] for fault in faults(copy, gone / 10.0)}


def test_what_came_out_of_order_is_written_in_order():
    answers = (Answer(i, (f"record {i}", [])) for i in (2, 0, 1, 3))
    assert [record for record, _ in in_order(answers)] == [f"record {i}" for i in range(4)]
    with pytest.raises(RuntimeError, match="died"):
        list(in_order(iter([Answer(0, error=RuntimeError("died"))])))


@pytest.mark.slow
def test_a_run_goes_on_where_the_last_one_ended(tmp_path):
    recipe = Recipe(2, 1.0)
    generate(tmp_path / "once", 90, recipe, here)
    generate(tmp_path / "twice", 40, recipe, here)
    calls = []

    def counted(work, orders):
        for i, order in enumerate(orders):
            calls.append(order.number)
            yield Answer(i, work(order))

    generate(tmp_path / "twice", 40, recipe, counted)
    assert calls == []
    once, twice = open_dataset(tmp_path / "once"), open_dataset(tmp_path / "twice")
    assert (len(once), len(twice)) == (90, 40)
    np.testing.assert_array_equal(once.episode(30).state, twice.episode(30).state)
    assert verify(once, 1) == []
    told = manifest(once)
    assert told["episodes"] == 90
    assert sum(told["kinds"].values()) == sum(told["splits"].values()) == 90
    assert told["rejected"]["share"] < 0.05
    assert told["content_hash"] == once.content_hash()
    steps = [np.hypot(*np.diff(e.root[:, :2].astype(float), axis=0).T) for e in once]
    speeds = [one.mean() * 30.0 for one in steps]
    assert told["mean_speed_mps"]["p50"] == pytest.approx(np.median(speeds), abs=0.01)
    ends = [np.hypot(*(e.root[-1, :2] - e.root[0, :2])) for e in once]
    assert told["net_displacement_m"]["p95"] == pytest.approx(np.quantile(ends, 0.95), abs=0.01)
    for wrong, line in (
        (Recipe(3, 1.0), "was generated with seed 2; came 3"),
        (Recipe(2, 1.5), "was generated with seconds 1.0; came 1.5"),
    ):
        with pytest.raises(ValueError, match=line):
            generate(tmp_path / "once", 100, wrong, here)


def command(*arguments: object, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "tools.generate_dataset", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, cwd=ROOT, **options)


@pytest.mark.slow
def test_the_same_dataset_wherever_it_is_made(tmp_path):
    """One process, two, and a Ray cluster of two nodes, one of which is killed meanwhile."""
    pytest.importorskip("ray")
    from tests.cluster import two_nodes

    hashes = []
    for workers in (1, 2):
        done = command(
            tmp_path / f"{workers}", "--samples", 240, "--seconds", 3, "--workers", workers
        )
        assert done.returncode == 0, done.stderr
        hashes.append(done.stdout.split()[-1])
    with two_nodes() as (cluster, node):

        def on_ray(work, orders):
            answers = do_all(work, orders, engine=Engine.RAY, address=cluster.address)
            yield next(answers)
            cluster.remove_node(node, allow_graceful=False)
            yield from answers

        generate(tmp_path / "ray", 240, Recipe(0, 3.0), on_ray)
    dataset = open_dataset(tmp_path / "ray")
    assert dataset.content_hash() == hashes[0] == hashes[1]
    told = json.loads((tmp_path / "2" / "manifest.json").read_text())
    assert told["content_hash"] == hashes[0]
    assert verify(dataset, 3) == []


def test_the_command_refuses_in_a_line(tmp_path):
    refused = command(tmp_path, "--seconds", 0, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "--seconds: 0; expected 1 to 3600" in refused.stderr
