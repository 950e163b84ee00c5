"""Throws, kicks, hits and catches against ballistics; hits that knock actors down."""

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Body, Contacts, Knockdown, Script, Thing, Transform, Velocity
from entities.objects import ObjectType, height_m
from entities.scene import Scene
from entities.skeleton import BODY_RADIUS, R_HAND, ActorType, joints_world
from entities.units import DT, EARTH_GRAVITY, MOON_GRAVITY
from sim.interaction.handling import RIM, aim_point, handle_objects
from sim.interaction.knockdown import react_to_hits
from sim.loop import Simulation

RADIUS = BODY_RADIUS[ActorType.HUMAN]
WEST = np.pi


def actor(name: str, x: float, y: float, *actions, target: str | None = None, **more) -> dict:
    cues = [{"t": 0, "target": target}] if target else []
    return {
        "id": name,
        "initial_position": {"x": x, "y": y},
        "actions": list(actions),
        "cues": cues,
        **more,
    }


def thing(kind: str, x: float, y: float, z: float | None = None, **more) -> dict:
    return {"object_type": kind, "position": {"x": x, "y": y, "z": z}, "id": kind, **more}


def play(actors, objects=(), **scene) -> Simulation:
    data = {"actors": list(actors), "objects": list(objects), **scene}
    return Simulation(Scene.model_validate(data))


def follow(simulation: Simulation, ticks: int, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (ticks, 3) of an entity after each tick, and who held the first object."""
    positions, holders = [], []
    for _ in range(ticks):
        simulation.step()
        positions.append(simulation.world[Transform].position[row].copy())
        holders.append(int(simulation.world[Thing].holder[0]))
    return np.array(positions), np.array(holders)


def assert_parabola(track: np.ndarray, gravity: float) -> None:
    """Flight (T, 3) has constant speed over the ground and falls as it should, within 1 cm."""
    t = DT * np.arange(len(track))
    velocity = (track[-1] - track[0]) / t[-1]
    rise = velocity[2] + 0.5 * gravity * t[-1]
    expected = track[0] + np.outer(t, [*velocity[:2], rise])
    expected[:, 2] -= 0.5 * gravity * t**2
    np.testing.assert_allclose(track, expected, atol=0.01)
    assert len(track) > 20


@pytest.mark.parametrize("gravity", [EARTH_GRAVITY, MOON_GRAVITY])
def test_a_kicked_ball_flies_a_parabola(gravity):
    simulation = play(
        [actor("a", 0, 0, (0, "kicking"))], [thing("soccer_ball", 0.6, -0.1)], gravity=gravity
    )
    track, _ = follow(simulation, 150, 1)
    radius = height_m(ObjectType.SOCCER_BALL) / 2
    flying = track[:, 2] > radius + 0.12
    start = int(np.argmax(flying))
    landed = start + int(np.argmin(np.append(flying[start:], False)))
    assert 10 < start < 60
    assert_parabola(track[start:landed], gravity)
    assert track[-1, 0] > 15.0
    assert abs(track[-1, 1] + 0.1) < 1e-6


def test_without_a_ball_in_reach_a_kick_is_mimed():
    simulation = play([actor("a", 0, 0, (0, "kicking"))], [thing("soccer_ball", 3, 0)])
    track, _ = follow(simulation, 120, 1)
    assert (track[:, 0] == 3.0).all()


def test_a_pitch_leaves_the_hand_fast_and_flat_and_the_catcher_has_it():
    simulation = play(
        [
            actor("p", 0, 0, (0, "pitching"), target="c"),
            actor("c", 18.44, 0, (0, "catching"), heading=WEST),
        ],
        [thing("baseball", 0, 0, held_by="p")],
    )
    track, holder = follow(simulation, 240, 2)
    flying = np.flatnonzero(holder == -1)
    assert 25 <= len(flying) <= 32
    assert_parabola(track[flying[:-1]], EARTH_GRAVITY)
    speed = np.linalg.norm(track[flying[1]] - track[flying[0]]) / DT
    assert speed == pytest.approx(40.0, rel=0.01)
    assert np.ptp(track[flying, 2]) < 0.8
    assert set(holder[flying[-1] + 1 :]) == {1}
    hands = aim_point(simulation.world, 1)
    assert np.linalg.norm(track[flying[-1]] - hands) < 40.0 * DT


def test_a_throw_reaches_a_runner_where_he_will_be():
    simulation = play(
        [
            actor("t", 0, 0, (0, "throwing"), target="r"),
            actor("r", 15, -6, (0, "run"), heading=np.pi / 2),
        ],
        [thing("ball", 0, 0, held_by="t")],
    )
    _, holder = follow(simulation, 240, 2)
    assert holder[-1] == 1


def test_a_bat_sends_the_pitch_back():
    simulation = play(
        [
            actor("p", 0, 0, (0, "idle"), (0.7, "pitching"), target="c"),
            actor("c", 19.6, 0, (0, "catching"), heading=WEST),
            actor("b", 18.44, -0.7, (0, "batting"), heading=WEST, prop="bat"),
        ],
        [thing("baseball", 0, 0, held_by="p")],
    )
    track, holder = follow(simulation, 400, 3)
    assert (holder == 1).sum() == 0
    hit = int(np.argmax(track[:, 0]))
    assert track[hit, 0] == pytest.approx(18.44, abs=1.0)
    assert track[-1, 0] < 0.0
    assert track[hit:, 2].max() > 5.0
    kinds = {mark.kind for mark in simulation.world.marks}
    assert "hit" in kinds or track[-1, 0] < -50.0


def test_a_free_throw_goes_through_the_rim():
    simulation = play(
        [actor("a", 0, 0, (0, "shooting"), target="hoop")],
        [
            thing("basketball", 0, 0, held_by="a"),
            thing("hoop", 4.6 + RIM[0] * height_m(ObjectType.HOOP), 0, heading=WEST),
        ],
    )
    track, holder = follow(simulation, 150, 1)
    rim = aim_point(simulation.world, 2)
    assert rim == pytest.approx([4.6, 0.0, 3.05], abs=0.01)
    down = np.append(np.diff(track[:, 2]) < 0, False) & (holder == -1)
    near = np.flatnonzero(down & (np.abs(track[:, 2] - rim[2]) < 0.12))
    assert len(near)
    assert np.hypot(*(track[near[0], :2] - rim[:2])) < 0.12


def test_a_thing_in_hand_is_at_the_hand_in_every_frame():
    simulation = play(
        [actor("a", 0, 0, (0, "walk"), (1, "wave"))], [thing("baseball", 0, 0, held_by="a")]
    )
    for frame in simulation.frames(90):
        joints = joints_world(frame.root, frame.heading, frame.joints, frame.lateral, frame.roll)
        np.testing.assert_allclose(frame.object_position[0], joints[0, R_HAND], atol=1e-12)


def test_pick_up_takes_it_and_put_down_leaves_it_on_the_ground():
    simulation = play(
        [actor("a", 0, 0, (0, "pick_up"), (2, "idle"), (3, "put_down"), target="box")],
        [thing("box", 0.7, 0, scale=0.6), thing("cup", 0.6, 0.3)],
    )
    track, holder = follow(simulation, 330, 1)
    assert set(holder[100:180]) == {0}
    assert simulation.world[Thing].holder[1] == -1
    assert holder[-1] == -1
    assert track[-1, 2] == 0.0
    assert np.hypot(*track[-1, :2]) > RADIUS


def test_what_is_let_go_in_the_air_falls_to_the_ground():
    simulation = play([actor("a", 0, 0)], [thing("cup", 0, 0, held_by="a")])
    follow(simulation, 2, 1)
    world = simulation.world
    world[Thing].holder[0], world[Body].grounded[1] = -1, False
    track, _ = follow(simulation, 60, 1)
    assert track[0, 2] > 0.5
    assert track[-1, 2] == 0.0


def test_a_car_knocks_a_man_down_and_he_gets_up_and_walks_on():
    simulation = play(
        [actor("a", 10, 0, (0, "walk"), heading=np.pi / 2)],
        [thing("car", -6, 1.0, velocity=[12, 0])],
    )
    world, actions, track = simulation.world, [], []
    for _ in range(420):
        simulation.step()
        actions.append(list(ActionType)[world[Script].action[0]])
        track.append(world[Transform].position[0].copy())
    order = [a for i, a in enumerate(actions) if i == 0 or actions[i - 1] is not a]
    assert order == [ActionType.WALK, ActionType.FALL, ActionType.GET_UP, ActionType.WALK]
    fell = actions.index(ActionType.FALL)
    thrown = np.array(track)[-1, 0] - track[fell][0]
    assert 4.0 < thrown < 18.0
    steps = np.linalg.norm(np.diff(np.array(track), axis=0), axis=1)
    assert steps.max() < 12.0 * 1.3 * DT
    assert world[Knockdown].since[0] == -1


def test_a_parked_car_is_a_wall():
    simulation = play([actor("a", 0, 0, (0, "run"))], [thing("car", 6, 0)])
    world = simulation.world
    world[Velocity].linear[0, 0] = 5.0
    follow(simulation, 200, 0)
    assert (world[Knockdown].since == -1).all()


def test_people_brush_past_each_other_but_a_tackle_fells():
    for action, falls in (("run", False), ("tackle", True)):
        people = [actor("a", 0, 0, (0, action), target="b"), actor("b", 4, 0, heading=WEST)]
        simulation = play(people)
        world, down = simulation.world, False
        fallen = ACTION_INDEX[ActionType.FALL]
        for _ in range(240):
            simulation.step()
            down |= bool(world[Script].action[1] == fallen)
            assert world[Script].action[0] != fallen
        assert down == falls, action


def test_a_fast_ball_does_not_fell_a_man():
    simulation = play([actor("a", 5, 0)], [thing("baseball", 0, 0, 1.2, velocity=[42, 0])])
    follow(simulation, 60, 1)
    assert simulation.world[Knockdown].since[0] == -1
    assert "hit" in {mark.kind for mark in simulation.world.marks}


def test_a_basketball_bounces_beside_the_hand_and_is_held_again():
    simulation = play(
        [actor("a", 0, 0, (0, "dribbling"), (4, "idle"))], [thing("basketball", 0, 0, held_by="a")]
    )
    ball, holder = follow(simulation, 330, 1)
    bouncing = ball[30:230, 2]
    lows = np.flatnonzero((bouncing[1:-1] < bouncing[:-2]) & (bouncing[1:-1] <= bouncing[2:]))
    assert (holder[10:230] == -1).all()
    assert bouncing.min() == pytest.approx(height_m(ObjectType.BASKETBALL) / 2, abs=0.1)
    assert np.diff(lows).mean() * DT == pytest.approx(0.45, abs=0.08)
    assert holder[-1] == 0


def test_a_soccer_ball_is_dribbled_along_the_heading():
    simulation = play([actor("a", 0, 0, (0, "dribbling"))], [thing("soccer_ball", 1.0, 0.05)])
    ball, _ = follow(simulation, 480, 1)
    man = simulation.world[Transform].position[0]
    assert ball[-1, 0] > 10.0
    assert abs(ball[-1, 1] - man[1]) < 1.0
    assert 0.0 < ball[-1, 0] - man[0] < 4.0


def test_with_nothing_in_hand_nothing_changes():
    simulation = play([actor("a", 0, 0, (0, "walk"))], [thing("chair", 5, 5)])
    world = simulation.world
    before = world[Transform].position.copy(), world[Velocity].linear.copy()
    world.contacts = Contacts.none()
    handle_objects(world, DT)
    react_to_hits(world, DT)
    np.testing.assert_array_equal(world[Transform].position, before[0])
    np.testing.assert_array_equal(world[Velocity].linear, before[1])
