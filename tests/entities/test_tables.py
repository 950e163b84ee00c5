"""The tables cover every member with finite, sensible numbers, and the seed's exactly."""

import math

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.colors import ACTOR_COLORS, COLORS, to_rgb
from entities.objects import (
    BODY_KINDS,
    DENSITIES,
    FOOTPRINTS,
    OBJECT_SCALES,
    BodyKind,
    ObjectType,
    footprint_m,
    height_m,
    mass_kg,
)
from entities.skeleton import (
    ACTOR_SCALES,
    BODY_RADIUS,
    BONE_LENGTHS,
    HEAD_OFFSET,
    HEAD_RADIUS,
    JOINTS,
    LATERAL,
    MASS_KG,
    PARENTS,
    QUADRUPEDS,
    SHANK,
    STANDING_PELVIS,
    THIGH,
    TRUNK,
    ActorType,
    bone_lengths,
)

SEED_SPEEDS = {
    "walk": 1.3,
    "jog": 3.0,
    "run": 5.0,
    "running_bases": 6.0,
    "sprint": 8.0,
    "idle": 0.0,
    "sit": 0.0,
    "stand": 0.0,
}
SEED_SCALES = {
    "table": 1.1,
    "chair": 0.65,
    "car": 2.2,
    "tree": 15.0,
    "building": 30.0,
    "spaceship": 25.0,
    "planet": 50.0,
    "baseball": 0.1,
    "food": 0.3,
}
TRAVELLING = (
    "jog crawl sneak skip march swim climb walk_backwards dribbling strafe hop limp fly ride"
    " zombie_walk roll cartwheel dive tackle carry push pull"
)


def test_seed_values_are_exact():
    for name, speed in SEED_SPEEDS.items():
        assert ACTION_VELOCITIES[ActionType(name)] == speed
    for name, scale in SEED_SCALES.items():
        assert OBJECT_SCALES[ObjectType(name)] == scale
        assert height_m(ObjectType(name)) == pytest.approx(scale * 0.68)


def test_every_action_has_a_speed_and_travellers_travel():
    assert set(ACTION_VELOCITIES) == set(ActionType)
    assert all(0.0 <= v <= 12.0 for v in ACTION_VELOCITIES.values())
    for name in TRAVELLING.split():
        assert ACTION_VELOCITIES[ActionType(name)] > 0.3, name
    assert [ACTION_INDEX[action] for action in ACTIONS] == list(range(len(ActionType)))


@pytest.mark.parametrize("table", [OBJECT_SCALES, FOOTPRINTS, DENSITIES, BODY_KINDS])
def test_object_tables_cover_every_type(table):
    assert set(table) == set(ObjectType)


def test_objects_weigh_and_measure_what_they_should():
    for kind in ObjectType:
        assert height_m(kind) > 0.05
        assert all(math.isfinite(v) and v > 0 for v in (*footprint_m(kind), mass_kg(kind)))
    assert mass_kg(ObjectType.BASEBALL) == pytest.approx(0.145, abs=0.01)  # MLB 3.01: 142-149 g
    assert mass_kg(ObjectType.SOCCER_BALL) == pytest.approx(0.43, abs=0.03)  # IFAB: 410-450 g
    assert mass_kg(ObjectType.BASKETBALL) == pytest.approx(0.61, abs=0.04)  # FIBA: 580-620 g
    assert 1000 < mass_kg(ObjectType.CAR) < 2000
    assert 3 < mass_kg(ObjectType.CHAIR) < 8
    assert mass_kg(ObjectType.BOX, 2.0) == pytest.approx(8 * mass_kg(ObjectType.BOX))


def test_round_objects_are_as_long_as_wide_and_balls_are_round():
    for kind, foot in FOOTPRINTS.items():
        if foot.round:
            assert foot.length == foot.width, kind
        if BODY_KINDS[kind] is BodyKind.BALL:
            assert foot.round, kind
            assert foot.length == 1.0, kind


def test_skeleton_is_a_tree_with_legs_long_enough_to_stand():
    assert len(JOINTS) == len(PARENTS) == len(LATERAL) == 10
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    for table in (BONE_LENGTHS, HEAD_RADIUS, STANDING_PELVIS, ACTOR_SCALES, MASS_KG, BODY_RADIUS):
        assert set(table) == set(ActorType)
    for kind in ActorType:
        bones = BONE_LENGTHS[kind]
        assert bones[THIGH] + bones[SHANK] > STANDING_PELVIS[kind]
    human = STANDING_PELVIS[ActorType.HUMAN] + BONE_LENGTHS[ActorType.HUMAN][TRUNK]
    crown = human + HEAD_OFFSET[ActorType.HUMAN][0] + HEAD_RADIUS[ActorType.HUMAN]
    assert crown == pytest.approx(1.70)
    assert ACTOR_SCALES[ActorType.CHILD] == 0.65
    assert ActorType.HUMAN not in QUADRUPEDS


def test_bone_lengths_measures_a_known_pose():
    pose = np.zeros((10, 2))
    pose[1] = (0.0, 0.5)
    pose[2] = (0.3, 0.5)
    pose[3] = (0.3, 0.1)
    assert bone_lengths(pose)[:3] == pytest.approx([0.5, 0.3, 0.4])


def test_colours_by_name_and_by_number():
    assert set(ACTOR_COLORS) <= set(COLORS)
    assert to_rgb("#102030") == (16, 32, 48)
    with pytest.raises(ValueError, match=r"mauve.*expected"):
        to_rgb("mauve")
