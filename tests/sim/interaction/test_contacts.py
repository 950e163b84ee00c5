"""Hands, feet, bats and seats are where what they touch is, in the frame of the contact."""

import numpy as np
import pytest

from entities.actions import ActionType, contact_time
from entities.components import Gait, Script, Thing
from entities.objects import ObjectType, height_m
from entities.scene import Scene
from entities.skeleton import L_HAND, NECK, PELVIS, R_FOOT, R_HAND, joints_world
from entities.units import DT
from sim import parse_prompt
from sim.interaction.interception import SWEET_M
from sim.loop import Simulation

WEST = np.pi
NEAR_M = 0.03


class Film:
    """T frames of a scene: what stands where, and who holds what."""

    def __init__(self, scene: Scene, seconds: float | None = None) -> None:
        simulation = Simulation(scene)
        ticks = round((scene.duration if seconds is None else seconds) / DT)
        self.world = simulation.world
        clocks = [self.world[Gait].clock.copy()]
        simulation.systems.append(lambda world, _: clocks.append(world[Gait].clock.copy()))
        frames = list(simulation.frames(ticks - 1))
        self.clock = np.array(clocks)
        self.joints = np.array(
            [joints_world(f.root, f.heading, f.joints, f.lateral, f.roll) for f in frames]
        )
        self.root = np.array([f.root for f in frames])
        self.heading = np.array([f.heading for f in frames])
        self.thing = np.array([f.object_position for f in frames])
        self.holder = np.array([f.object_holder for f in frames])
        self.contact = np.array([f.contact for f in frames])
        self.velocity = np.array([f.velocity for f in frames])


def film(actors, objects=(), seconds=3.0, **scene) -> Film:
    data = {"actors": list(actors), "objects": list(objects), **scene}
    return Film(Scene.model_validate(data), seconds)


def actor(name, x, y, *actions, target=None, **more) -> dict:
    cues = [{"t": 0, "target": target}] if target else []
    where = {"x": x, "y": y}
    return {"id": name, "initial_position": where, "actions": list(actions), "cues": cues, **more}


def thing(kind, x, y, z=None, **more) -> dict:
    return {"object_type": kind, "position": {"x": x, "y": y, "z": z}, "id": kind, **more}


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


@pytest.mark.parametrize("kind", ["chair", "bench", "sofa"])
@pytest.mark.parametrize("action", ["sit", "reading", "typing", "eating", "drinking"])
def test_who_sits_down_lands_on_the_seat(kind, action):
    height = height_m(ObjectType(kind))
    seen = film(
        [actor("a", 0.0, -0.7, (0, action), target=kind, heading=0.4)],
        [thing(kind, 0, 0, heading=-np.pi / 2)],
        5.0,
    )
    assert seen.joints[-1, 0, PELVIS, 2] == pytest.approx(height + 0.09, abs=0.02)
    assert apart(seen.root[-1, 0, :2], seen.thing[-1, 0, :2]) < 0.12
    assert np.cos(seen.heading[-1, 0] + np.pi / 2) > 0.99
    assert apart(seen.thing[-1, 0], seen.thing[0, 0]) < 0.01
    assert seen.contact[-1, 0].all()
    assert seen.joints[-1, 0, NECK, 2] > height + 0.45


def test_a_sentence_seats_a_man_and_lets_him_go_again():
    scene = parse_prompt("a man walks to the chair and sits down, then he gets up and walks away")
    seen = Film(scene)
    seated = seen.joints[:, 0, PELVIS, 2] < 0.6
    assert seated.sum() * DT > 1.0
    height = height_m(ObjectType.CHAIR)
    assert np.median(seen.joints[seated, 0, PELVIS, 2]) == pytest.approx(height + 0.09, abs=0.02)
    assert seen.joints[-1, 0, PELVIS, 2] > 0.82
    speed = np.linalg.norm(np.diff(seen.joints[:, 0], axis=0), axis=2) / DT
    down = np.flatnonzero(seated)
    assert speed[down[0] - 60 : down[-1] + 60].max() < 4.0
    assert apart(seen.thing[down[-1], 0], seen.thing[0, 0]) < 0.01


def test_who_starts_on_a_seat_sits_from_the_first_frame():
    seen = Film(parse_prompt("a woman sits on a bench"), 1.0)
    wanted = height_m(ObjectType.BENCH) + 0.09
    assert np.abs(seen.joints[:, 0, PELVIS, 2] - wanted).max() < 0.02


def test_who_sleeps_in_a_bed_lies_on_it():
    seen = Film(parse_prompt("a woman sleeps in bed"), 2.0)
    top = height_m(ObjectType.BED)
    assert (seen.joints[:, 0, :, 2] > top - 0.02).all()
    assert (seen.joints[:, 0, :, 2] < top + 0.45).all()


def test_without_a_seat_one_sits_on_the_ground():
    seen = film([actor("a", 0, 0, (0, "sit"))], [thing("chair", 5, 5)], 3.0)
    assert seen.joints[-1, 0, PELVIS, 2] == pytest.approx(0.09, abs=0.02)


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.05, 0.9), (1.0, 0.7)])
@pytest.mark.parametrize("action", ["handshake", "high_five"])
def test_right_hands_meet(action, scales):
    seen = film(
        [
            actor("a", -0.6, 0.1, (0, action), target="b", scale=scales[0]),
            actor("b", 0.6, 0, (0, action), target="a", heading=WEST, scale=scales[1]),
        ]
    )
    gap = apart(seen.joints[:, 0, R_HAND], seen.joints[:, 1, R_HAND])
    due = contact_time(ActionType(action))
    at = int(np.argmax(seen.clock[:, 0] >= due))
    assert at > 0
    assert gap[at] < NEAR_M
    assert gap[0] > 0.3
    assert gap[-1] > 0.15
    if action == "handshake":
        assert gap[at : at + 50].max() < NEAR_M
        assert np.ptp(seen.joints[at : at + 50, 0, R_HAND, 2]) > 0.04


@pytest.mark.parametrize(
    "text", ["two men shake hands", "two girls high five", "a man shakes hands with a boy"]
)
def test_hands_meet_in_sentences(text):
    seen = Film(parse_prompt(text))
    assert apart(seen.joints[:, 0, R_HAND], seen.joints[:, 1, R_HAND]).min() < NEAR_M


def test_a_hug_closes_round_the_other():
    seen = film(
        [
            actor("a", -0.4, 0, (0, "hug"), target="b"),
            actor("b", 0.4, 0, (0, "hug"), target="a", heading=WEST),
        ]
    )
    at = int(np.argmax(seen.clock[:, 0] > 1.4))
    for one, other, way in ((0, 1, 1.0), (1, 0, -1.0)):
        for hand in (L_HAND, R_HAND):
            past = way * (seen.joints[at, one, hand, 0] - seen.root[at, other, 0])
            assert 0.02 < past < 0.2
            assert abs(seen.joints[at, one, hand, 1]) < 0.25
    assert apart(seen.root[at, 0], seen.root[at, 1]) < 0.45


def test_dancers_hold_hands():
    seen = Film(parse_prompt("a couple dances"), 4.0)
    for one, other in ((L_HAND, R_HAND), (R_HAND, L_HAND)):
        assert apart(seen.joints[90:, 0, one], seen.joints[90:, 1, other]).max() < NEAR_M


def test_clapping_hands_meet():
    seen = film([actor("a", 0, 0, (0, "clap"))])
    gap = apart(seen.joints[:, 0, L_HAND], seen.joints[:, 0, R_HAND])
    assert gap.min() < NEAR_M


@pytest.mark.parametrize(("action", "kind"), [("throwing", "ball"), ("pitching", "baseball")])
def test_a_ball_leaves_from_the_hand_the_way_the_hand_goes(action, kind):
    seen = film([actor("a", 0, 0, (0, action))], [thing(kind, 0, 0, held_by="a")], 2.5)
    free = int(np.argmax(seen.holder[:, 0] < 0))
    assert free > 10
    hand = seen.joints[:, 0, R_HAND]
    assert apart(seen.thing[free - 1, 0], hand[free - 1]) < NEAR_M
    thrown = seen.thing[free + 1, 0] - seen.thing[free, 0]
    swung = hand[free - 1] - hand[free - 2]
    cosine = thrown @ swung / np.linalg.norm(thrown) / np.linalg.norm(swung)
    assert cosine > 0.8
    assert np.linalg.norm(swung) / DT > 4.0


def test_a_catch_is_made_where_the_ball_is():
    for speed, height in ((12.0, 1.6), (30.0, 1.3)):
        seen = film(
            [actor("c", 9, 0.1, (0, "catching"), heading=WEST)],
            [thing("baseball", 0, 0, height, velocity=(speed, 0.0))],
            2.0,
        )
        caught = int(np.argmax(seen.holder[:, 0] == 0))
        assert caught > 5
        hand = seen.joints[:, 0, R_HAND]
        assert apart(seen.thing[caught - 1, 0], hand[caught - 1]) < NEAR_M
        assert apart(seen.thing[caught, 0], hand[caught]) < NEAR_M


def test_a_grounder_is_fielded_at_the_ground():
    seen = film(
        [actor("c", 9, 0.1, (0, "fielding"), heading=WEST)],
        [thing("baseball", 2, 0, 0.2, velocity=(9.0, 0.0))],
        3.0,
    )
    caught = int(np.argmax(seen.holder[:, 0] == 0))
    assert caught > 5
    assert apart(seen.thing[caught - 1, 0], seen.joints[caught - 1, 0, R_HAND]) < NEAR_M


@pytest.mark.parametrize("speed", [25.0, 38.0])
def test_the_fat_of_the_bat_meets_the_pitch(speed):
    seen = film(
        [
            actor("b", 18.44, -0.7, (0, "batting"), heading=WEST, prop="bat"),
        ],
        [thing("baseball", 0, 0, 1.5, velocity=(speed, 0.0))],
        2.0,
        gravity=3.0,
    )
    ball = seen.thing[:, 0]
    hit = int(np.argmax(ball[:, 0]))
    assert np.diff(ball[:, 0])[hit] < -0.2
    hand, low = seen.joints[hit, 0, R_HAND], seen.joints[hit, 0, L_HAND]
    along = (hand - low) / np.linalg.norm(hand - low)
    assert apart(hand + SWEET_M * along, ball[hit]) < NEAR_M


@pytest.mark.parametrize(("x", "y"), [(0.45, -0.1), (0.8, 0.1), (0.3, -0.3), (1.1, 0.0)])
def test_a_kick_meets_the_ball(x, y):
    seen = film([actor("a", 0, 0, (0, "kicking"))], [thing("soccer_ball", x, y)], 4.0)
    ball = seen.thing[:, 0]
    off = int(np.argmax(np.linalg.norm(np.diff(ball, axis=0), axis=1) > 0.1))
    assert off > 5
    gap = apart(seen.joints[off, 0, R_FOOT], ball[off]) - height_m(ObjectType.SOCCER_BALL) / 2
    assert abs(gap) < NEAR_M


def test_a_header_meets_the_ball_with_the_head():
    seen = Film(parse_prompt("a man heads the ball"), 2.0)
    ball = seen.thing[:, 0]
    speed = np.linalg.norm(np.diff(ball, axis=0), axis=1) / DT
    off = int(np.argmax(speed > 8.0))
    assert off > 5
    assert ball[off, 2] > 1.6
    head = seen.joints[off, 0, NECK] + [0.0, 0.0, 0.16]
    assert apart(head, ball[off]) - height_m(ObjectType.SOCCER_BALL) / 2 < 0.12 + NEAR_M


@pytest.mark.parametrize(("kind", "x", "scale"), [("cup", 0.6, 1.0), ("box", 0.9, 0.6)])
def test_hands_are_on_what_is_picked_up(kind, x, scale):
    seen = film(
        [actor("a", 0, 0, (0, "pick_up"), target=kind)], [thing(kind, x, 0.1, scale=scale)], 4.0
    )
    taken = int(np.argmax(seen.holder[:, 0] == 0))
    assert taken > 10
    step = apart(seen.thing[taken, 0], seen.thing[taken - 1, 0])
    assert step < NEAR_M
    track = np.linalg.norm(np.diff(seen.thing[taken:, 0], axis=0), axis=1)
    assert track.max() / DT < 4.0
    assert seen.thing[-1, 0, 2] > 0.6


@pytest.mark.parametrize("kind", ["cup", "box"])
def test_what_is_put_down_does_not_jump(kind):
    scale = 0.6 if kind == "box" else 1.0
    seen = film(
        [actor("a", 0, 0, (0, "put_down"))], [thing(kind, 0, 0, held_by="a", scale=scale)], 2.5
    )
    assert seen.holder[-1, 0] == -1
    step = np.linalg.norm(np.diff(seen.thing[:, 0], axis=0), axis=1)
    assert step.max() / DT < 4.0
    left = int(np.argmax(seen.holder[:, 0] < 0))
    assert step[left - 1] < NEAR_M
    assert seen.thing[-1, 0, 2] == pytest.approx(0.0, abs=1e-9)


def test_pushing_hands_are_on_the_box_and_pulling_takes_it_along():
    for action, x in (("push", 0.9), ("pull", 0.9)):
        seen = film([actor("a", 0, 0, (0, action), target="box")], [thing("box", x, 0)], 4.0)
        moved = seen.thing[-1, 0, 0] - seen.thing[0, 0, 0]
        assert moved > 0.5 if action == "push" else moved < -0.5, action
        box, size = seen.thing[-1, 0], height_m(ObjectType.BOX)
        for hand in (L_HAND, R_HAND):
            away = np.abs(seen.joints[-1, 0, hand] - box - [0, 0, 0.5 * size])
            assert (away < [0.6 * size + NEAR_M, 0.5 * size + NEAR_M, 0.5 * size + NEAR_M]).all()


def test_a_basketball_is_bounced_by_the_hand():
    seen = film([actor("a", 0, 0, (0, "dribbling"))], [thing("basketball", 0, 0, held_by="a")], 5.0)
    ball, radius = seen.thing[60:, 0], height_m(ObjectType.BASKETBALL) / 2
    hand = seen.joints[60:, 0, R_HAND]
    high = ball[:, 2] > 0.75
    assert high.any()
    gap = apart(hand[high], ball[high]) - radius
    assert np.abs(gap).max() < 0.08
    assert ball[:, 2].min() < radius + 0.1


def test_a_soccer_ball_is_dribbled_on_the_ground_at_the_feet():
    seen = Film(parse_prompt("a player dribbles the ball on the soccer pitch"), 6.0)
    ball = seen.thing[30:, 0]
    assert ball[:, 2].max() < 0.3
    away = np.linalg.norm((ball - seen.root[30:, 0])[:, :2], axis=1)
    assert away.max() < 2.0
    assert np.ptp(ball[:, 0]) > 6.0


def test_nothing_to_reach_for_changes_nothing():
    scene = Scene.model_validate({"actors": [actor("a", 0, 0, (0, "walk"))]})
    simulation = Simulation(scene)
    for _ in range(30):
        simulation.step()
    gait = simulation.world[Gait]
    assert not gait.grip.any()
    assert not gait.stoop.any()
    assert (gait.seated_on == -1).all()
    assert simulation.world[Script].action[0] == gait.action[0]
    assert len(simulation.world[Thing]) == 0


def test_the_batter_of_the_sentence_hits_the_pitch_meant_for_the_catcher():
    scene = parse_prompt("the pitcher throws to the catcher and the batter hits it")
    at = [actor.id for actor in scene.actors].index("batter")
    blocks = list(Simulation(scene, motion="procedural").blocks(round(4.0 / DT)))
    ball = np.concatenate([block.object_position[:, 0] for block in blocks])
    hand = np.concatenate(
        [
            joints_world(
                block.root[:, at],
                block.heading[:, at],
                block.pose.joints[:, at],
                block.pose.lateral[:, at],
                block.pose.roll[:, at],
            )[:, R_HAND]
            for block in blocks
        ]
    )
    velocity = np.diff(ball, axis=0) / DT
    (struck,) = np.flatnonzero((velocity[:-1, 1] < -20.0) & (velocity[1:, 1] > 10.0))
    # The fat of the bat is that far from the hand.
    off = np.linalg.norm(hand[struck : struck + 3] - ball[struck + 1], axis=1) - SWEET_M
    assert np.abs(off).min() < 0.03
    assert np.linalg.norm(velocity[struck + 1]) > 30.0
