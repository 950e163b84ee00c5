"""Facts about runs: speeds, starts, way points, walls, balls and determinism, in numbers."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from entities.actions import ACTION_VELOCITIES, ACTIONS, ActionType
from entities.objects import ObjectType, footprint_m
from entities.skeleton import BODY_RADIUS, BONE_LENGTHS, BONE_OF_JOINT, ActorType, bone_lengths
from entities.units import DT, MOON_GRAVITY, START_TAU_S
from sim import simulate
from sim.loop import Simulation
from tests.conftest import at, make_scene

TOP_SPEED = max(ACTION_VELOCITIES.values())


def steps(trace):
    """(T-1, A) m travelled on the ground per tick."""
    return np.hypot(*np.moveaxis(np.diff(trace.root[..., :2].astype(float), axis=0), 2, 0))


def trace_hash(trace) -> str:
    digest = hashlib.sha256()
    for array in (trace.root, trace.heading, trace.pose, trace.overlay.lateral, trace.contact):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(trace.object_position.tobytes())
    return digest.hexdigest()


def mixed_scene(seed: int = 3):
    return make_scene(
        {"actions": [[0, "walk"], [2, "sprint"], [5, "wave"]]},
        {"initial_position": at(0, 3), "actions": [[0, "run"], [3, "jump"], [4, "jog"]]},
        {
            "initial_position": at(-2, 1),
            "movement_path": [[0, at(-2, 1)], [3, at(5, 2)], [6, at(9, 6)]],
        },
        {"initial_position": at(3, 0), "actions": [[0, "idle"], [1, "kicking"]], "heading": 0.5},
        objects=[
            {"id": "ball", "object_type": "soccer_ball", "position": at(3.5, 0.3)},
            {"object_type": "chair", "position": at(6, 0)},
            {"object_type": "tree", "position": at(12, 1)},
        ],
        seed=seed,
        duration=7,
    )


@pytest.mark.parametrize("action", ["walk", "jog", "run", "sprint", "running_bases"])
def test_steady_speed_and_the_start_law(action):
    speed = ACTION_VELOCITIES[ActionType(action)]
    trace = simulate(make_scene({"actions": [[0, action]]}), seconds=10 + DT)
    assert len(trace.time) == 601
    x = trace.root[:, 0, 0].astype(float)
    steady = (x[600] - x[480]) / 2.0
    assert steady == pytest.approx(speed, rel=0.02)
    law = speed * (10 - START_TAU_S * (1 - np.exp(-10 / START_TAU_S)))
    assert x[600] == pytest.approx(law, abs=0.05)
    assert abs(trace.root[:, 0, 1]).max() < 0.05
    if action == "sprint":
        assert 2.1 <= np.interp(10.0, x, trace.time) <= 2.2


def test_a_velocity_is_kept_from_the_start():
    trace = simulate(make_scene({"velocity": [2.0, -1.0], "actions": [[0, "jog"]]}), seconds=5)
    expected = trace.time[:, None] * np.array([2.0, -1.0])
    assert abs(trace.root[:, 0, :2] - expected).max() < 0.01
    assert trace.heading[0, 0] == pytest.approx(np.arctan2(-1, 2), abs=0.01)


def test_way_points_are_met_on_time_and_by_moving():
    knots = [(0, 0, 0), (3, 8, 1), (5, 9, 7), (8, 0, 8), (10, 0, 8), (13, -5, 2)]
    scene = make_scene(
        {"actions": [[0, "run"]], "movement_path": [[t, at(x, y)] for t, x, y in knots]}
    )
    trace = simulate(scene, seconds=14)
    for t, x, y in knots:
        error = np.hypot(*(trace.root[round(t / DT), 0, :2] - (x, y)))
        assert error <= 0.10, (t, error)
    speed = steps(trace)[:, 0] / DT
    assert speed[0] < 0.3
    assert speed[round(9 / DT)] < 0.05
    assert abs(np.diff(speed)).max() / DT < 12.0
    turn = abs(np.diff(trace.heading[:, 0])) / DT
    assert turn.max() < 9.0
    assert not trace.off_path.any()


def test_nobody_teleports():
    trace = simulate(mixed_scene(), seconds=7)
    assert steps(trace).max() <= 1.3 * TOP_SPEED * DT


@pytest.mark.parametrize("path", [False, True])
def test_a_runner_sent_through_a_building_goes_round_it(path):
    actor = {"actions": [[0, "run"]], "initial_position": at(-15, 0.5)}
    if path:
        actor["movement_path"] = [[0, at(-15, 0.5)], [7, at(15, 0.5)]]
    scene = make_scene(actor, objects=[{"object_type": "building", "position": at(0, 0)}])
    trace = simulate(scene, seconds=16)
    length, width = footprint_m(ObjectType.BUILDING)
    radius = BODY_RADIUS[ActorType.HUMAN]
    x, y = trace.root[:, 0, 0], trace.root[:, 0, 1]
    outside = (abs(x) > length / 2 + 0.9 * radius) | (abs(y) > width / 2 + 0.9 * radius)
    assert outside.all()
    assert x[-1] > 14.0
    moving = steps(trace)[60:, 0] / DT
    if path:
        assert trace.off_path.any()
        assert np.hypot(x[-1] - 15, y[-1] - 0.5) < 0.10
        mean_speed = 30 / 7
        assert moving.max() <= 1.2 * 1.5 * mean_speed
    else:
        assert moving.min() > 2.0


def test_a_runner_finds_the_gap_in_a_ring_of_chairs():
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    chairs = [
        {"object_type": "chair", "position": at(3 * np.cos(a), 3 * np.sin(a)), "heading": float(a)}
        for a in angles
        if not 2.0 < a < 2.7
    ]
    actor = {"movement_path": [[0, at(0, 0)], [8, at(9, 0)]], "actions": [[0, "walk"]]}
    trace = simulate(make_scene(actor, objects=chairs), seconds=16)
    assert np.hypot(*(trace.root[-1, 0, :2] - (9, 0))) < 0.10
    left = np.flatnonzero(np.hypot(trace.root[:, 0, 0], trace.root[:, 0, 1]) > 3.0)[0]
    bearing = np.arctan2(trace.root[left, 0, 1], trace.root[left, 0, 0])
    assert 1.9 < bearing < 2.8
    shift = np.hypot(*np.moveaxis(trace.object_position[-1] - trace.object_position[0], -1, 0)[:2])
    assert shift.max() < 0.3


def test_two_who_meet_head_on_pass_each_other():
    scene = make_scene(
        {"initial_position": at(-8, 0), "actions": [[0, "run"]]},
        {"initial_position": at(8, 0), "heading": np.pi, "actions": [[0, "run"]]},
    )
    trace = simulate(scene, seconds=5)
    gap = np.hypot(*np.moveaxis(trace.root[:, 0, :2] - trace.root[:, 1, :2], -1, 0))
    assert gap.min() > 0.38
    assert trace.root[-1, 0, 0] > 8
    assert trace.root[-1, 1, 0] < -8


def test_a_base_runner_rounds_the_diamond():
    from entities.stages import places
    from sim import parse_prompt

    scene = parse_prompt("a man hits a home run and runs round all the bases")
    trace = simulate(scene)
    runner = max(range(len(scene.actors)), key=lambda i: steps(trace)[:, i].sum())
    root = trace.root[:, runner, :2].astype(float)
    last = 0
    for base in ("first", "second", "third", "home"):
        gap = np.hypot(*(root[last:] - places("baseball")[base]).T)
        last += int(np.argmin(gap[: round(8 / DT)]))
        assert gap.min() <= 0.5, base
    assert np.hypot(*(root[-1] - places("baseball")["home"])) <= 0.5
    assert scene.actors[runner].movement_path is not None
    speed = steps(trace)[:, runner] / DT
    moving = speed[speed > 0.5]
    assert 5.0 <= np.median(moving) <= 8.0


def test_a_kicked_ball_flies_a_parabola():
    scene = make_scene(
        {"actions": [[0, "idle"], [0.5, "kicking"]]},
        objects=[{"object_type": "soccer_ball", "position": at(0.45, -0.1)}],
    )
    trace = simulate(scene, seconds=4)
    ball = trace.object_position[:, 0].astype(float)
    speed = np.hypot(*(np.diff(ball[:, :2], axis=0) / DT).T)
    assert speed.max() > 5.0
    airborne = np.flatnonzero(ball[:, 2] > ball[0, 2] + 0.05)
    first = airborne[0]
    flight = airborne[: np.argmax(np.diff(airborne, append=10**9) > 1) + 1]
    assert len(flight) > 20
    t = (flight - first) * DT
    fit = np.polyfit(t, ball[flight, 2], 2)
    assert fit[0] == pytest.approx(-9.81 / 2, rel=0.01)
    assert abs(np.polyval(fit, t) - ball[flight, 2]).max() < 0.01


def test_moon_jumps_are_higher_and_longer():
    heights, times = [], []
    for gravity in (9.81, MOON_GRAVITY):
        scene = make_scene({"actions": [[0, "jump"]]}, gravity=gravity)
        z = simulate(scene, seconds=5).root[:, 0, 2]
        heights.append(z.max())
        first = np.flatnonzero(z > 1e-4)
        end = first[0] + np.flatnonzero(z[first[0] :] <= 1e-4)[0]
        times.append((end - first[0]) * DT)
    assert 0.2 < heights[0] < 0.6
    assert heights[1] / heights[0] == pytest.approx(9.81 / MOON_GRAVITY, rel=0.1)
    assert times[1] / times[0] == pytest.approx(9.81 / MOON_GRAVITY, rel=0.15)


def test_bones_keep_their_length():
    trace = simulate(mixed_scene(), seconds=7)
    lengths = bone_lengths(trace.pose.astype(float))
    expected = np.array([BONE_LENGTHS[ActorType.HUMAN][b] for b in BONE_OF_JOINT[1:]])
    assert abs(lengths / expected - 1).max() < 0.005
    assert abs(trace.pose[:, :, 0, 0]).max() == 0.0


def test_feet_that_stand_stay():
    trace = simulate(mixed_scene(), seconds=7)
    for foot, joint in ((0, 7), (1, 9)):
        forward = trace.pose[:, :, joint, 0].astype(float)
        left = trace.overlay.lateral[:, :, joint].astype(float)
        cos, sin = np.cos(trace.heading), np.sin(trace.heading)
        x = trace.root[..., 0] + forward * cos - left * sin
        y = trace.root[..., 1] + forward * sin + left * cos
        stands = trace.contact[1:, :, foot] & trace.contact[:-1, :, foot]
        slide = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0))[stands] / DT
        assert np.percentile(slide, 90) < 0.02
        assert slide.mean() < 0.05


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again = simulate(mixed_scene(), seconds=4), simulate(mixed_scene(), seconds=4)
    assert trace_hash(first) == trace_hash(again)
    other = simulate(mixed_scene(seed=4), seconds=4)
    assert trace_hash(other) != trace_hash(first)
    assert trace_hash(simulate(mixed_scene(seed=4), seconds=4, seed=3)) == trace_hash(first)


def test_the_same_bits_in_another_process(shipped):
    code = (
        "from tests.sim.test_trace import mixed_scene, trace_hash; from sim import simulate;"
        "print(trace_hash(simulate(mixed_scene(), seconds=4)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == trace_hash(simulate(mixed_scene(), seconds=4))


def test_live_frames_are_the_headless_trace_to_the_bit():
    trace = simulate(mixed_scene(), seconds=3)
    live = Simulation(mixed_scene())
    for k in range(len(trace.time)):
        if k:
            live.step()
        frame = live.frame()
        assert np.array_equal(frame.joints.astype(np.float32), trace.pose[k]), k
        assert np.array_equal(frame.lateral.astype(np.float32), trace.overlay.lateral[k])
        assert np.array_equal(frame.root.astype(np.float32), trace.root[k])
        assert np.array_equal(frame.object_position.astype(np.float32), trace.object_position[k])


def test_trace_has_the_shapes_it_promises():
    scene = mixed_scene()
    trace = simulate(scene, seconds=1.0)
    t, a, o = 60, 4, 3
    assert trace.root.shape == (t, a, 3)
    assert trace.pose.shape == (t, a, 10, 2)
    assert trace.overlay.lateral.shape == (t, a, 10)
    assert trace.overlay.gaze.shape == (t, a, 2)
    assert trace.contact.shape == (t, a, 2)
    assert trace.object_position.shape == (t, o, 3)
    assert trace.root.dtype == trace.pose.dtype == trace.time.dtype == np.float32
    assert trace.contact.dtype == trace.off_path.dtype == bool
    assert trace.actor_ids == ["a0", "a1", "a2", "a3"]
    assert trace.object_ids[0] == "ball"
    assert not trace.source.any()
    assert np.all(trace.time == (np.arange(t) * DT).astype(np.float32))
    assert ACTIONS[trace.action[0, 0]] is ActionType.WALK


def test_a_run_too_large_for_memory_is_refused():
    crowd = [{"initial_position": at(i, 0)} for i in range(1000)]
    with pytest.raises(ValueError, match=r"record the run"):
        simulate(make_scene(*crowd), seconds=3600)


def test_a_scene_without_actors_runs():
    scene = make_scene(objects=[{"object_type": "ball", "position": at(0, 0, 2)}])
    trace = simulate(scene, seconds=2)
    assert trace.root.shape == (120, 0, 3)
    assert trace.object_position[-1, 0, 2] < 0.5


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ([[0, at(0, 0)], [1, at(20, 0)]], r"actors\[0\]\.movement_path.*12 m/s"),
        ([[0, at(0, 0)], [0.5, at(5, 0)]], r"actors\[0\]\.movement_path.*10 m/s"),
    ],
)
def test_a_path_nobody_can_run_is_refused(path, says):
    with pytest.raises(ValueError, match=says):
        simulate(make_scene({"movement_path": path}), seconds=1)
