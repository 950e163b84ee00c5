"""Entities, rows and queries, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.components import Component, Name, Transform, Velocity
from entities.units import DT
from sim.world import World

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
