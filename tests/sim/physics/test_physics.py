"""Physics against closed form, and what bodies on the plane must never do."""

import subprocess
import sys
import time

import numpy as np
import pytest

from entities.components import Body, Thing, Transform, Velocity
from entities.objects import ObjectType, footprint_m, height_m, mass_kg
from entities.scene import Scene
from entities.skeleton import BODY_RADIUS, ActorType
from entities.units import DT, EARTH_GRAVITY, MOON_GRAVITY
from sim.build import build_world
from sim.physics.drivers import GROUND_FRICTION, PUSH_ACCELERATION, ROLL
from sim.physics.height import BOUNCE, fall, launch_to
from sim.physics.space import Physics, Tally
from sim.world import World

RADIUS = BODY_RADIUS[ActorType.HUMAN]


def actor(name: str, x: float, y: float, **more) -> dict:
    return {"id": name, "initial_position": {"x": x, "y": y}, **more}


def thing(kind: str, x: float, y: float, z: float | None = None, **more) -> dict:
    return {"object_type": kind, "position": {"x": x, "y": y, "z": z}, **more}


def stage(actors=(), objects=(), **scene) -> tuple[World, Physics]:
    data = {"actors": list(actors), "objects": list(objects), **scene}
    world = build_world(Scene.model_validate(data))
    return world, Physics(world)


def run(world: World, physics: Physics, ticks: int, asked=None) -> np.ndarray:
    """(ticks + 1, N, 3) positions while the actors are asked for (A, 3) m/s."""
    positions = [world[Transform].position.copy()]
    for _ in range(ticks):
        if asked is not None:
            world[Body].asked[: len(asked)] = asked
        physics.step(world, DT)
        world.end_tick()
        positions.append(world[Transform].position.copy())
    return np.array(positions)


@pytest.mark.parametrize("gravity", [EARTH_GRAVITY, MOON_GRAVITY])
def test_free_fall_is_the_parabola(gravity):
    world, physics = stage(objects=[thing("ball", 0, 0, 5.0)], gravity=gravity)
    t = DT * np.arange(41)
    z = run(world, physics, 40)[:, 0, 2]
    np.testing.assert_allclose(z, 5.0 - 0.5 * gravity * t**2, atol=1e-9)


@pytest.mark.parametrize("kind", list(BOUNCE))
def test_a_ball_bounces_by_its_restitution_and_comes_to_rest_on_its_skin(kind):
    drop = 3.0
    world, physics = stage(objects=[thing(kind.value, 0, 0, drop)])
    radius = height_m(kind) / 2
    z = run(world, physics, 900)[:, 0, 2] - radius
    landed = int(np.argmin(z > 0.1))
    peak = z[landed + 5 :].max()
    # Heights are sampled every tick: the true peak is at most g dt² / 8 above the highest sample.
    assert peak == pytest.approx(BOUNCE[kind] ** 2 * (drop - radius), abs=5e-4)
    assert world[Transform].position[0, 2] == radius
    assert world[Body].grounded[0]
    assert z.min() >= -1e-12


def test_a_fall_meets_the_floor_at_the_right_moment():
    bounce = fall(np.array([0.1]), np.array([-4.0]), np.zeros(1), np.array([0.8]), 10.0, 0.05)
    hit = (-4.0 + np.sqrt(16.0 + 2.0)) / 10.0
    up, left = 0.8 * np.sqrt(18.0), 0.05 - hit
    assert bounce.impact[0] == pytest.approx(np.sqrt(18.0))
    assert bounce.height[0] == pytest.approx(up * left - 5.0 * left**2)
    assert bounce.rate[0] == pytest.approx(up - 10.0 * left)
    assert not bounce.resting[0]


@pytest.mark.parametrize("high", [False, True])
@pytest.mark.parametrize("target", [(20.0, -3.0, 1.0), (5.0, 5.0, 3.05), (80.0, 0.0, 0.0)])
def test_a_launch_arrives(target, high):
    start, target = np.array([1.0, 2.0, 1.8]), np.array(target)
    velocity = launch_to(start, target, 22.0, EARTH_GRAVITY, high=high)
    t = np.hypot(*(target - start)[:2]) / np.hypot(*velocity[:2])
    there = start + velocity * t - [0, 0, 0.5 * EARTH_GRAVITY * t * t]
    np.testing.assert_allclose(there, target, atol=1e-9)
    assert np.linalg.norm(velocity) >= 22.0 - 1e-9


def test_a_ball_rolls_as_far_as_rolling_friction_says():
    world, physics = stage(objects=[thing("soccer_ball", 0, 0, velocity=[5, 0])])
    end = run(world, physics, 900)[-1, 0]
    expected = 5.0**2 / (2 * ROLL[ObjectType.SOCCER_BALL] * EARTH_GRAVITY)
    assert end[0] == pytest.approx(expected, abs=5.0 * DT)
    assert (world[Velocity].linear == 0.0).all()
    turned = world[Thing].spin[0] * height_m(ObjectType.SOCCER_BALL) / 2
    assert turned == pytest.approx(end[0], rel=0.02)


def test_a_chair_slides_to_a_stop_by_coulomb_friction():
    world, physics = stage(objects=[thing("chair", 0, 0, velocity=[3, 0])])
    end = run(world, physics, 120)[-1, 0, 0]
    assert end == pytest.approx(3.0**2 / (2 * GROUND_FRICTION * EARTH_GRAVITY), abs=3.0 * DT)


def test_two_balls_in_a_collision_keep_their_momentum():
    kinds = ["soccer_ball", "basketball"]
    world, physics = stage(
        objects=[
            thing(kinds[0], 0, 0, 9.0, velocity=[6, 0]),
            thing(kinds[1], 1.0, 0.05, 9.0, velocity=[-2, 0]),
        ]
    )
    mass = world[Body].mass
    before = mass @ world[Velocity].linear[:, :2]
    closing = 0.0
    for _ in range(30):
        run(world, physics, 1)
        if len(world.contacts.first):
            closing = max(closing, world.contacts.closing[0])
    np.testing.assert_allclose(mass @ world[Velocity].linear[:, :2], before, atol=1e-9)
    assert world[Velocity].linear[0, 0] < world[Velocity].linear[1, 0]
    assert closing == pytest.approx(8.0, rel=0.1)


def test_an_actor_moves_exactly_as_asked():
    world, physics = stage([actor("a", 0, 0)])
    x = run(world, physics, 60, [[3.0, 4.0, 0.0]])[:, 0, :2]
    np.testing.assert_allclose(x, np.outer(np.arange(61) * DT, [3.0, 4.0]), atol=1e-12)


def test_a_wall_stops_a_runner_and_lets_him_slide_along_it():
    world, physics = stage([actor("a", 0, 0)], [thing("building", 15, 0)])
    face = 15 - footprint_m(ObjectType.BUILDING)[0] / 2 - RADIUS
    x = run(world, physics, 180, [[8.0, 0.0, 0.0]])[:, 0]
    assert x[-1, 0] == pytest.approx(face, abs=0.02)
    assert x[:, 0].max() < face + 8.0 * DT
    along = run(world, physics, 120, [[3.0, 1.0, 0.0]])[:, 0]
    assert along[-1, 1] - along[0, 1] == pytest.approx(2.0, rel=0.03)
    assert np.abs(along[:, 0] - face).max() < 0.02


@pytest.mark.parametrize("speed", [8.0, 12.0])
@pytest.mark.parametrize("kind", ["fence", "sign", "flag"])
def test_nobody_runs_through_anything_thin(kind, speed):
    heading = np.pi / 2 if kind == "fence" else 0.0
    world, physics = stage([actor("a", 0, 0)], [thing(kind, 3, 0, heading=heading - np.pi / 2)])
    x = run(world, physics, 120, [[speed, 0.0, 0.0]])[:, 0, 0]
    assert x.max() < 3.0


def test_a_chair_gives_way_a_table_less_and_a_building_not_at_all():
    moved, slowed = [], []
    for kind, scale in (("chair", 1.0), ("table", 1.0), ("table", 2.0), ("building", 0.1)):
        length = footprint_m(ObjectType(kind), scale)[0]
        world, physics = stage([actor("a", 0, 0)], [thing(kind, 1.0 + length / 2, 0, scale=scale)])
        start = world[Transform].position[1, 0]
        run(world, physics, 90, [[2.0, 0.0, 0.0]])
        moved.append(world[Transform].position[1, 0] - start)
        slowed.append(2.0 * 90 * DT - world[Transform].position[0, 0])
    assert moved[0] > moved[1] + 0.05 > 1.0
    assert moved[2] < 0.2
    assert moved[3] == 0.0
    assert slowed == sorted(slowed)


def test_the_first_push_shares_momentum_and_speed_comes_back_gradually():
    world, physics = stage([actor("a", 0, 0)], [thing("table", 1.5, 0)])
    mass = mass_kg(ObjectType.TABLE)
    speeds = []
    for _ in range(90):
        run(world, physics, 1, [[2.0, 0.0, 0.0]])
        speeds.append(world[Velocity].linear[0, 0])
    assert min(speeds) == pytest.approx(2.0 * 70.0 / (70.0 + mass), rel=0.02)
    assert max(np.diff(speeds)) <= PUSH_ACCELERATION * DT + 1e-9


def test_two_people_who_meet_push_each_other_aside_without_stopping_dead():
    world, physics = stage([actor("a", 0, 0), actor("b", 3, 0.1)])
    x = run(world, physics, 180, [[1.3, 0.0, 0.0], [-1.3, 0.0, 0.0]])
    apart = np.hypot(*(x[:, 0, :2] - x[:, 1, :2]).T)
    assert apart.min() > RADIUS
    assert x[-1, 0, 0] > x[-1, 1, 0] + 0.5


def test_a_pitch_does_not_tunnel():
    for target, front in (("fence", 18.0 - 0.05), ("actor", 18.0 - RADIUS)):
        people = [actor("a", 18, 0)] if target == "actor" else []
        things = [thing("fence", 18, 0)] if target == "fence" else []
        ball = thing("baseball", 0, 0.01, 1.0, velocity=[42.0, 0])
        world, physics = stage(people, [*things, ball])
        x = run(world, physics, 60, [[0.0, 0.0, 0.0]] if people else None)[:, -1, 0]
        assert x.max() <= front, target
        assert x[-1] < x.max() - 1.0, target


def test_a_ball_flies_over_a_man_and_hits_him_lower_down():
    for height, stopped in ((5.0, False), (1.2, True)):
        ball = thing("soccer_ball", 0, 0, height, velocity=[15.0, 0])
        world, physics = stage([actor("a", 3, 0)], [ball])
        x = run(world, physics, 24, [[0.0, 0.0, 0.0]])[:, 1, 0]
        assert (x[-1] < 3.0) == stopped


def test_a_leap_clears_a_box_and_lands_on_the_far_side():
    world, physics = stage([actor("a", 0, 0)], [thing("box", 1.6, 0)])
    run(world, physics, 6, [[4.0, 0.0, 0.0]])
    world[Velocity].linear[0, 2] = 4.0
    world[Body].grounded[0] = False
    x = run(world, physics, 60, [[4.0, 0.0, 0.0]])
    assert x[-1, 0, 0] == pytest.approx(4.4, abs=1e-9)
    assert x[-1, 1, 0] == pytest.approx(1.6, abs=1e-9)
    assert x[:, 0, 2].max() == pytest.approx(4.0**2 / (2 * EARTH_GRAVITY), abs=2e-3)
    assert [mark.kind for mark in world.marks] == ["land"]
    assert world[Body].grounded[0]


def test_one_can_land_on_a_box_stand_there_and_step_off():
    world, physics = stage([actor("a", 0, 0)], [thing("box", 0, 0, scale=1.6)])
    top = height_m(ObjectType.BOX, 1.6)
    world[Transform].position[0, 2], world[Body].grounded[0] = 2.0, False
    z = run(world, physics, 60, [[0.0, 0.0, 0.0]])[:, 0, 2]
    assert z[-1] == top
    z = run(world, physics, 90, [[1.0, 0.0, 0.0]])[:, 0, 2]
    assert z[-1] == 0.0
    assert world[Body].grounded[0]


def test_a_ball_stays_on_a_table_until_it_rolls_off():
    world, physics = stage(objects=[thing("table", 0, 0), thing("ball", 0, 0, 2.0)])
    rest = height_m(ObjectType.TABLE) + height_m(ObjectType.BALL) / 2
    z = run(world, physics, 300)[:, 1, 2]
    assert z[-1] == pytest.approx(rest, abs=1e-12)
    world[Velocity].linear[1, 0] = 2.0
    assert run(world, physics, 300)[-1, 1, 2] == height_m(ObjectType.BALL) / 2


def test_a_driven_car_keeps_its_path_and_pushes_what_stands_there():
    path = [[0, {"x": 0, "y": 0}], [4, {"x": 20, "y": 0}]]
    world, physics = stage([actor("a", 10, 0.2)], [thing("car", 0, 0, movement_path=path)])
    due = world[Thing].path[0].at(DT * np.arange(181))
    x = run(world, physics, 180, [[0.0, 0.0, 0.0]])
    np.testing.assert_allclose(x[:, 1, :2], due[:, :2], atol=1e-9)
    assert x[-1, 0, 0] > x[-1, 1, 0] + 1.0


def test_a_car_faces_where_it_drives_from_the_first_frame_on():
    world, physics = stage(objects=[thing("car", 0, 0, velocity=[0, -9], heading=0.3)])
    assert world[Transform].heading[0] == pytest.approx(-np.pi / 2)
    run(world, physics, 30)
    assert world[Transform].heading[0] == pytest.approx(-np.pi / 2)


def test_what_has_a_path_takes_off_along_it():
    path = [[0, {"x": 0, "y": 0, "z": 0}], [5, {"x": 0, "y": 0, "z": 30}]]
    world, physics = stage(objects=[thing("spaceship", 0, 0, movement_path=path)])
    assert run(world, physics, 300)[-1, 0] == pytest.approx([0, 0, 30], abs=1e-6)


def test_a_goal_is_open_in_front_only():
    length, width = footprint_m(ObjectType.GOAL)
    caught = [thing("goal", 0, 0), thing("soccer_ball", 5, 0, velocity=[-9, 0])]
    world, physics = stage(objects=caught)
    run(world, physics, 240)
    assert -length / 2 < world[Transform].position[1, 0] < length / 2
    for x, y, velocity in ((-5, 0, [9, 0]), (0, 6, [0, -9]), (0, -6, [0, 9])):
        balls = [thing("goal", 0, 0), thing("soccer_ball", x, y, velocity=velocity)]
        world, physics = stage(objects=balls)
        track = run(world, physics, 120)[:, 1, :2]
        inside = (np.abs(track[:, 0]) < length / 2) & (np.abs(track[:, 1]) < width / 2)
        assert not inside.any()


def test_contacts_say_who_met_whom_where_and_how_hard():
    world, physics = stage([actor("a", 0, 0)], [thing("building", 12, 0)])
    seen = []
    for _ in range(120):
        run(world, physics, 1, [[5.0, 0.0, 0.0]])
        seen.append(world.contacts)
    first = next(contacts for contacts in seen if len(contacts.first))
    assert (first.first[0], first.second[0]) == (0, 1)
    assert first.normal[0] == pytest.approx([1.0, 0.0])
    assert first.closing[0] == pytest.approx(5.0)
    assert first.impulse[0] == pytest.approx(5.0 * 70.0, rel=0.02)
    face = 12 - footprint_m(ObjectType.BUILDING)[0] / 2
    assert first.point[0, 0] == pytest.approx(face, abs=0.1)
    assert [mark.kind for mark in world.marks] == ["crash"]


def test_who_starts_inside_a_wall_is_not_flung_out():
    world, physics = stage([actor("a", 12, 0)], [thing("building", 12, 0.3)])
    x = run(world, physics, 60, [[0.0, 0.0, 0.0]])[:, 0]
    assert np.abs(np.diff(x, axis=0)).max() <= 1.5 * DT + 1e-9


def test_things_that_come_and_go_have_bodies_that_come_and_go():
    world, physics = stage([actor("a", 0, 0)], [thing("building", 12, 0), thing("chair", 0, 5)])
    run(world, physics, 10, [[5.0, 0.0, 0.0]])
    world.despawn(1)
    world.end_tick()
    x = run(world, physics, 240, [[5.0, 0.0, 0.0]])[-1, 0, 0]
    assert x == pytest.approx(250 * 5.0 * DT, abs=1e-6)


def test_numbers_that_are_not_finite_are_refused_by_name():
    world, physics = stage([actor("ann", 0, 0), actor("bob", 3, 0)])
    for bad in (np.nan, np.inf):
        with pytest.raises(FloatingPointError, match=r"'bob' moves at .* at tick 0"):
            run(world, physics, 1, [[0.0, 0.0, 0.0], [bad, 0.0, 0.0]])


def crowd_digest() -> str:
    rng = np.random.default_rng(7)
    people = [actor(f"a{i}", *rng.uniform(-3, 3, 2)) for i in range(20)]
    things = [thing(k, *rng.uniform(-4, 4, 2)) for k in ("chair", "soccer_ball", "box", "tree")]
    world, physics = stage(people, [*things, thing("baseball", -8, 0, 1.0, velocity=[40, 0])])
    run(world, physics, 120, np.column_stack([rng.normal(0, 2, (20, 2)), np.zeros(20)]))
    everything = world[Transform].position.tobytes() + world[Velocity].linear.tobytes()
    return everything.hex()


def test_the_same_start_gives_the_same_bits_here_and_in_another_process():
    code = "from tests.sim.physics.test_physics import crowd_digest; print(crowd_digest())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert crowd_digest() == crowd_digest() == other.stdout.strip()


def test_what_two_bodies_do_at_several_shapes_does_not_depend_on_the_order_listed():
    """A goal has three walls; pymunk lists contacts in the order of addresses."""
    met = [[10, 20, 1, 1], [20, 10, 0, 1], [10, 20, 1, 0]]
    numbers = [[3.0, 0.1, 1.0, 0.0, 5.0, 6.0], [0.2, 0.7, 0.0, 1.0, 7.0, 8.0], [9.0] * 6]
    found = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        tally = Tally()
        listed = [met[k] for k in order], [numbers[k] for k in order]
        tally.add({10: 0, 20: 1}, *listed, np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), 3)
        contacts = tally.contacts(np.arange(2), np.zeros(2), np.ones(2))
        columns = contacts.normal, contacts.point, contacts.impulse, contacts.closing
        found.append([column.tobytes() for column in columns] + [tally.blows(2)])
        assert contacts.impulse == pytest.approx([3 * (np.hypot(3, 0.1) + np.hypot(0.2, 0.7))])
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("count", "most_us"), [(4, 200.0), (200, 2000.0)])
def test_a_crowd_is_cheap(count, most_us):
    """Bounds are several times what one free core needs (28 and 110 us), for busy machines."""
    rng = np.random.default_rng(1)
    side = 2.0 * np.sqrt(count)
    world, physics = stage([actor(f"a{i}", *rng.uniform(0, side, 2)) for i in range(count)])
    asked = np.column_stack([rng.normal(0, 1, (count, 2)), np.zeros(count)])
    run(world, physics, 30, asked)
    best = np.inf
    for _ in range(60):
        start = time.perf_counter()
        physics.step(world, DT)
        best = min(best, time.perf_counter() - start)
    assert best * 1e6 < most_us


def test_a_heap_of_more_than_can_be_parted_is_passed_through():
    """Every pair of a heap touches: 1,000 bodies in one spot would take minutes a tick."""
    for count, touching in ((20, True), (200, False)):
        world, physics = stage([actor(f"a{i}", 3.1, 0.1) for i in range(count)])
        run(world, physics, 2, np.zeros((count, 3)))
        assert (len(world.contacts.first) > 0) == touching
    world[Transform].position[:, 0] += 2.0 * np.arange(200)
    world[Transform].position[1, :2] = world[Transform].position[0, :2] + [0.2, 0.0]
    run(world, physics, 12, np.zeros((200, 3)))
    assert len(world.contacts.first) > 0  # those who have left it are solid again
