"""Entities, rows and queries, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.components import (
    Attention,
    Component,
    Flight,
    Name,
    Person,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.scene import Actor, SceneObject
from entities.units import DT
from sim.build import build_world, enter
from sim.world import World
from tests.conftest import at, make_scene

KINDS = (Name, Transform, Velocity)


def table(kind: type[Component], ids: list[int]) -> Component:
    if kind is Name:
        return Name([f"e{i}" for i in ids])
    column = np.array(ids, float)
    if kind is Transform:
        return Transform(np.tile(column[:, None], (1, 3)), column.copy())
    return Velocity(np.tile(column[:, None], (1, 3)), column.copy())


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(
        st.tuples(st.integers(1, 4), st.sets(st.sampled_from(KINDS), min_size=1)), max_size=8
    ),
    dead=st.sets(st.integers(0, 31)),
)
def test_query_equals_a_brute_force_filter(batches, dead):
    world, owners = World(), {}
    for count, kinds in batches:
        start = len(owners)
        ids = list(range(start, start + count))
        spawned = world.spawn(*(table(kind, ids) for kind in kinds))
        assert spawned.tolist() == ids
        owners.update(dict.fromkeys(ids, kinds))
    for entity in dead & owners.keys():
        world.despawn(entity)
        assert any(entity in world.ids(kind) for kind in owners[entity])
    world.end_tick()
    alive = {i: kinds for i, kinds in owners.items() if i not in dead}
    for wanted in ((Transform,), (Transform, Velocity), KINDS):
        expected = [i for i, kinds in alive.items() if set(wanted) <= set(kinds)]
        ids, rows = world.query(*wanted)
        assert ids.tolist() == expected
        for kind, row in zip(wanted, rows, strict=True):
            if kind is Transform and kind in world:
                assert world[Transform].heading[row].tolist() == expected
            if kind is Velocity and kind in world:
                assert world[Velocity].turn[row].tolist() == expected


def test_the_row_of_an_entity_is_found_after_others_are_gone():
    world = World()
    world.spawn(table(Transform, [0, 1, 2]))
    world.despawn(0)
    world.end_tick()
    row = world.row(Transform, 2)
    assert world[Transform].position[row].tolist() == [2, 2, 2]
    for kind, entity in ((Name, 1), (Transform, 0)):
        with pytest.raises(KeyError, match=f"entity {entity} has no {kind.__name__}"):
            world.row(kind, entity)


def test_spawn_refuses_tables_of_different_length():
    with pytest.raises(ValueError, match="expected equal"):
        World().spawn(table(Transform, [0, 1]), table(Name, [0]))


def test_time_is_counted_in_ticks_never_summed():
    world = World()
    for _ in range(3600):
        world.end_tick()
    assert world.time == 3600 * DT == 60.0


def test_entities_put_in_front_move_ids_rows_and_every_column_of_ids_up():
    world = World()
    world.spawn(table(Name, [0, 1, 2, 3]), table(Transform, [0, 1, 2, 3]))
    things = Thing(
        kind=np.zeros(2, np.int64),
        scale=np.ones(2),
        color=np.zeros((2, 3), np.int16),
        holder=np.array([1, -1]),
        hand=np.zeros(2, np.int64),
        spin=np.zeros(2),
        path=[None, None],
    )
    flights = Flight(np.array([3, -1]), np.zeros(2, np.int64), np.array([-1, 2]))
    world.spawn(table(Name, [4, 5]), table(Transform, [4, 5]), things, flights)
    before = world[Name]
    assert world.spawn_before(2, Name(["x", "y"]), table(Transform, [20, 21])).tolist() == [2, 3]
    assert before.text == ["e0", "e1", "e2", "e3", "e4", "e5"]
    assert world[Name].text == ["e0", "e1", "x", "y", "e2", "e3", "e4", "e5"]
    assert world[Transform].heading.tolist() == [0, 1, 20, 21, 2, 3, 4, 5]
    assert world.ids(Thing).tolist() == [6, 7]
    assert world[Thing].holder.tolist() == [1, -1]
    assert world[Flight].by.tolist() == [5, -1]
    assert world[Flight].to.tolist() == [-1, 4]
    ids, (names, spots) = world.query(Name, Transform)
    assert ids.tolist() == list(range(8))
    assert names == spots == slice(0, 8)
    assert world.spawn(table(Name, [9])).tolist() == [8]


def test_cues_and_looks_follow_the_entities_they_are_aimed_at():
    scene = make_scene(
        {"cues": [{"t": 1.0, "target": "tree_1"}, {"t": 2.0, "gaze": "tree_1"}]},
        {"cues": [{"t": 1.0, "target": "a0", "gaze": "a0"}]},
        objects=[{"id": "tree_1", "object_type": "tree", "position": at(4, 4)}],
    )
    world = build_world(scene)
    newcomer = Actor(id="new", initial_position=at(9, 9))
    thing = SceneObject(id="box", object_type="box", position=at(7, 7))
    enter(world, [newcomer], [thing])
    assert world[Name].text == ["a0", "a1", "new", "tree_1", "box"]
    assert [[target for _, target in cues] for cues in world[Script].cues] == [[3], [0], []]
    assert [[look for *_, look in cues] for cues in world[Attention].cues] == [[3], [0], []]
    assert world[Person].scale.shape == (3,)
    assert world[Thing].kind.shape == (2,)
