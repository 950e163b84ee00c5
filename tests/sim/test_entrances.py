"""Later sentences that name people and things who are not there bring them on stage."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from entities.actions import ACTIONS, ActionType
from entities.scene import Scene
from entities.units import DT
from ml.episodes.reader import open_dataset
from sim import parse_prompt, simulate
from sim.loop import Simulation
from sim.output.recorder import Recorder, differences
from sim.output.replay import Recording
from tests.conftest import make_scene


def watched(simulation: Simulation, ticks: int, orders: dict[int, str]) -> dict[str, np.ndarray]:
    """Roots, poses and objects of a run that is told something at some of its ticks."""
    roots, poses, things = [], [], []
    for tick in range(ticks):
        if tick in orders:
            simulation.add_event(orders[tick])
        frame = simulation.frame()
        roots.append(frame.root.astype(np.float32))
        poses.append(frame.joints.astype(np.float32))
        things.append(frame.object_position.astype(np.float32))
        simulation.step()
    return {"root": roots, "pose": poses, "object_position": things}


@pytest.mark.parametrize("motion", ["procedural", pytest.param("learned", marks=pytest.mark.slow)])
def test_who_comes_on_live_is_the_same_to_the_last_bit_in_a_replay(motion, shipped):
    live = Simulation(parse_prompt("a man waves"), motion=motion)
    orders = {40: "he hugs a woman", 200: "she kicks a ball", 300: "three dogs run in"}
    seen = watched(live, 420, orders)
    saved = Scene.model_validate_json(live.scene.model_dump_json())
    assert [actor.brought_by for actor in saved.actors] == [None, 0, 2, 2, 2]
    assert saved.objects[-1].brought_by == 1
    again = simulate(saved, 420 * DT, motion=motion)
    assert again.actor_ids == live.cast.actor_ids == [actor.id for actor in saved.actors]
    assert again.notices == live.notices
    assert again.actor_enters.tolist() == [0, 41, 301, 301, 301]
    assert again.object_enters[-1] == 201
    for name, rows in seen.items():
        column = getattr(again, name)
        assert all(
            np.array_equal(column[tick, : len(row)], row) for tick, row in enumerate(rows)
        ), name
    assert np.isfinite(again.root).all()


def test_a_newcomer_walks_in_from_the_edge_and_jumps_nowhere():
    scene = make_scene({}, duration=12, events=[{"t": 1.0, "text": "he hugs a woman"}])
    trace = simulate(scene)
    assert any("woman" in notice for notice in trace.notices)
    enters = int(trace.actor_enters[1])
    away = np.hypot(*(trace.root[:, 1] - trace.root[:, 0])[:, :2].T)
    assert 4.0 < away[enters] < 12.0
    assert away.min() < 0.8
    speed = np.hypot(*np.diff(trace.root[enters:, 1, :2].astype(float), axis=0).T) / DT
    assert 0.5 < speed.max() < 4.0
    hugs = [ACTIONS[action] is ActionType.HUG for action in trace.action[:, 0]]
    assert any(hugs)


def test_those_who_were_there_do_not_notice_a_newcomer_far_away():
    """Ids and rows move, what they stand for does not."""
    people = [
        {"actions": [[0, "sit"]], "cues": [{"t": 0.0, "target": "chair_1"}]},
        {"initial_position": {"x": 0, "y": 6}, "actions": [[0, "run"]]},
    ]
    things = [
        {"id": "chair_1", "object_type": "chair", "position": {"x": 0.3, "y": 0}},
        {"id": "ball_1", "object_type": "ball", "position": {"x": 0, "y": 3}, "velocity": [2, 0]},
    ]
    alone = simulate(make_scene(*people, objects=things, duration=4))
    event = {"t": 1.0, "actor": "a1", "text": "a dog comes in"}
    grown = simulate(make_scene(*people, objects=things, duration=4, events=[event]))
    assert len(grown.actor_ids) == 3
    assert np.array_equal(grown.root[:, 0], alone.root[:, 0])
    assert np.array_equal(grown.pose[:, 0], alone.pose[:, 0])
    assert np.array_equal(grown.object_position[:, :2], alone.object_position)


def test_newcomers_are_recorded_filmed_and_played_again(tmp_path):
    live = Simulation(parse_prompt("a man waves"))
    recorder = Recorder(tmp_path / "runs", (160, 90))
    recorder.start(live)
    watched(live, 240, {61: "he hugs a woman"})
    recorder.stop("stopped")
    recorder.close()
    dataset = open_dataset(tmp_path / "runs")
    man, woman = dataset.episode(0), dataset.episode(1)
    assert (man.first_frame, woman.first_frame) == (0, 31)
    assert len(man) == len(woman) + 31
    assert dataset.column("first_frame") == [0, 31]
    table = pq.read_table(next((tmp_path / "runs/meta/episodes").rglob("*.parquet")))
    film = "videos/observation.images.scene"
    assert table[f"{film}/from_timestamp"].to_pylist() == pytest.approx([0.0, 31 / 30])
    assert table[f"{film}/to_timestamp"].to_pylist() == pytest.approx([len(man) / 30] * 2)
    assert differences(dataset, 0) == []
    recording = Recording(tmp_path / "runs", 1)
    shown = list(recording.run(recording.scene.camera).frames(120))
    assert len(shown[0].root) == 1
    assert shown[120].root[1] == pytest.approx(woman.root[60 - 31], abs=1e-4)


@pytest.mark.parametrize(
    "text", ["he climbs the ladder", "he shakes hands", "the woman waves", "he runs to the moon"]
)
def test_what_is_not_there_is_brought_mimed_or_said(text):
    scene = make_scene({}, duration=8, events=[{"t": 0.5, "text": text}])
    trace = simulate(scene)
    assert np.isfinite(trace.root).all()
    brought = len(trace.actor_ids) > 1 or trace.object_ids
    assert bool(brought) <= bool(trace.notices)


def test_a_sentence_that_cannot_be_carried_out_leaves_the_run_as_it_was():
    crowd = [{"initial_position": {"x": 2.0 * i, "y": 0.0}} for i in range(600)]
    live = Simulation(make_scene(*crowd), motion="procedural")
    live.step()
    live.add_event("400 dogs run in")
    live.step()
    assert len(live.cast.actor_ids) == 1000
    with pytest.raises(ValueError, match="1,001 actors: at most 1,000"):
        live.add_event("a cat comes in")
    live.step()
    assert len(live.cast.actor_ids) == len(live.scene.actors) == 1000
    assert len(live.scene.events) == 1
