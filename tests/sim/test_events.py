"""Later sentences change a running scene, and a live run replays exactly."""

import numpy as np
import pytest

from entities.actions import ACTIONS, ActionType
from entities.units import DT
from sim import simulate
from sim.loop import Simulation
from tests.conftest import at, make_scene


def walkers(*events):
    return make_scene(
        {"actions": [[0, "walk"]]},
        {"initial_position": at(0, 4), "actions": [[0, "walk"]]},
        objects=[{"id": "tree_1", "object_type": "tree", "position": at(4, 12)}],
        duration=8,
        events=list(events),
    )


def test_an_event_redirects_one_actor_at_its_tick():
    plain = simulate(walkers())
    trace = simulate(walkers({"t": 3.0, "actor": "a0", "text": "run left"}))
    tick = round(3.0 / DT)
    assert np.array_equal(trace.root[: tick + 1], plain.root[: tick + 1])
    assert np.array_equal(trace.root[:, 1], plain.root[:, 1])
    assert ACTIONS[trace.action[tick + 1, 0]] is ActionType.RUN
    assert trace.root[-1, 0, 0] < plain.root[tick, 0, 0] - 8.0
    speed = np.hypot(*np.diff(trace.root[:, 0, :2].astype(float), axis=0).T) / DT
    assert abs(np.diff(speed)).max() < 0.5
    assert abs(np.diff(trace.heading[:, 0])).max() / DT < 12.0


def test_a_destination_is_reached():
    event = {"t": 1.0, "actor": "a1", "text": "run to the tree"}
    trace = simulate(walkers(event), seconds=12)
    gap = np.hypot(*(trace.root[-1, 1, :2] - (4, 12)))
    assert gap < 1.5
    assert np.hypot(*(trace.root[-1, 1] - trace.root[-30, 1])[:2]) < 0.01


def test_stop_stops():
    trace = simulate(walkers({"t": 2.0, "text": "stop"}))
    assert abs(trace.root[-1] - trace.root[-60]).max() < 0.01


def test_a_live_run_replays_from_its_scene():
    live = Simulation(walkers())
    roots = []
    for k in range(300):
        roots.append(live.frame().root.copy())
        if k == 50:
            live.add_event("sprint away", "a0")
        if k == 51:
            live.add_event('she says "hello"', "a1")
        if k == 170:
            live.add_event("sit down", "a0")
        live.step()
    replay = simulate(live.scene, seconds=5)
    assert np.array_equal(np.array(roots, np.float32), replay.root)
    assert ACTIONS[replay.action[-1, 0]] is ActionType.SIT


def test_words_are_heard_while_they_last():
    scene = make_scene({"cues": [{"t": 1.0, "say": "good morning to you all"}]})
    frames = list(Simulation(scene).frames(round(4 / DT)))
    heard = [frame.time for frame in frames if frame.speech.get(0) == "good morning to you all"]
    assert heard[0] == pytest.approx(1.0)
    assert 1.4 < heard[-1] - heard[0] < 3.0


def test_an_event_that_says_nothing_is_refused():
    live = Simulation(walkers())
    with pytest.raises(ValueError, match="not understood"):
        live.add_event("xyzzy plugh", "a0")
    assert live.scene.events == []
    with pytest.raises(ValueError, match=r"events\[0\]\.text: not understood"):
        simulate(walkers({"t": 1.0, "text": "xyzzy plugh"}))
