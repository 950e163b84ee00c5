"""Timed paths: on time, smooth, within the limits of a body, or refused by name."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from entities.units import DT
from sim.navigation.path import Path

WHERE = "actors[1].movement_path"


def ticks(path, extra=1.0):
    return np.arange(0.0, path.end + extra, DT)


def path_through(*knots, **limits):
    return Path.through(
        [(*knot, None) if len(knot) == 3 else knot for knot in knots], WHERE, **limits
    )


def test_meets_every_way_point_at_its_time_from_rest_to_rest():
    knots = [(0, 0, 0), (5, 19, 19), (10, 0, 38), (15, -19, 19), (20, 0, 0)]
    path = path_through(*knots)
    place = path.at(np.array([k[0] for k in knots], float))
    np.testing.assert_allclose(place[:, :2], [k[1:] for k in knots], atol=1e-9)
    speed = np.linalg.norm(path.velocity(ticks(path)), axis=1)
    assert speed[0] == 0.0
    assert speed[-1] == 0.0
    moved = np.linalg.norm(np.diff(path.at(ticks(path)), axis=0), axis=1)
    np.testing.assert_allclose(moved / DT, 0.5 * (speed[1:] + speed[:-1]), atol=0.05)


@given(
    st.lists(
        st.tuples(st.floats(0.5, 6.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_accepted_path_is_on_time_and_moderate(legs):
    t, x, y = 0.0, 0.0, 0.0
    knots = [(t, x, y)]
    for wait, dx, dy in legs:
        t, x, y = t + wait, x + dx, y + dy
        knots.append((t, x, y))
    try:
        path = path_through(*knots)
    except ValueError:
        assume(False)
    place = path.at(np.array([k[0] for k in knots]))
    np.testing.assert_allclose(place[:, :2], [k[1:] for k in knots], atol=1e-6)
    step = np.linalg.norm(np.diff(path.at(ticks(path)), axis=0), axis=1)
    assert step.max() <= 12.0 * DT * 1.01
    window = round(0.5 / DT)
    velocity = path.velocity(ticks(path))
    change = np.linalg.norm(velocity[window:] - velocity[:-window], axis=1)
    assert change.max() <= 10.0 * 0.5 * 1.05


def test_home_to_first_is_run_at_a_believable_peak():
    path = path_through((0, 0, 0), (5.6, 27.43, 0))
    speed = np.linalg.norm(path.velocity(ticks(path)), axis=1)
    assert 4.9 < speed.max() < 1.35 * 27.43 / 5.6


def test_steady_way_points_are_walked_at_a_constant_speed():
    path = path_through(*[(i, 5.0 * i, 0) for i in range(10)])
    speed = np.linalg.norm(path.velocity(np.arange(0.5, 8.5, DT)), axis=1)
    np.testing.assert_allclose(speed, 5.0, atol=1e-6)
    after = path.at(np.array([9.0, 20.0]))
    np.testing.assert_allclose(after[:, 0], [45.0, 45.0 + 5.0**2 / 10.0], atol=1e-6)


def test_equal_points_are_a_stop():
    path = path_through((0, 0, 0), (3, 4, 0), (5, 4, 0), (9, 4, 6))
    np.testing.assert_allclose(path.at(np.linspace(3.0, 5.0, 50))[:, :2], [[4, 0]] * 50, atol=1e-9)
    assert np.linalg.norm(path.velocity(np.array([4.0]))) == 0.0


def test_stands_before_its_start_and_after_its_end():
    path = path_through((2, 1, 1), (6, 5, 1))
    np.testing.assert_array_equal(path.at(np.array([0.0, 1.9])), [[1, 1, 0]] * 2)
    np.testing.assert_allclose(path.at(np.array([6.0, 99.0])), [[5, 1, 0]] * 2, atol=1e-12)


def test_turning_back_is_done_on_the_spot():
    path = path_through((0, 0, 0), (3, 6, 0), (6, 0, 0))
    assert np.abs(path.at(ticks(path))[:, 1]).max() < 1e-9
    assert np.linalg.norm(path.velocity(np.array([3.0]))) < 1e-9


def test_height_is_kept_and_climbed():
    path = path_through((0, 0, 0, 1.0), (2, 2, 0, None), (6, 2, 0, 3.0))
    height = path.at(np.array([0.0, 1.0, 2.0, 6.0]))[:, 2]
    np.testing.assert_allclose(height, [1.0, 1.0, 1.0, 3.0], atol=1e-9)
    assert not path.level
    assert path_through((0, 0, 0, 2.0), (2, 2, 0, None)).level


@pytest.mark.parametrize(
    ("knots", "limits", "message"),
    [
        (
            [(0, 0, 0), (1, 100, 0)],
            {},
            "actors[1].movement_path[1]: needs 100.0 m/s to reach (100, 0) at 1 s from (0, 0) "
            "at 0 s; allowed is up to 12 m/s",
        ),
        (
            [(0, 0, 0), (1, 5, 0)],
            {},
            "actors[1].movement_path[1]: needs about 20 m/s² to be at (5, 0) at 1 s in time; "
            "allowed is up to 10 m/s² and 12 m/s",
        ),
        (
            [(0, 0, 0), (2, 8, 0), (4, 0, 0), (4.5, 5.5, 0)],
            {},
            "actors[1].movement_path[3]: needs about 300 m/s² to be at (5.5, 0) at 4.5 s in "
            "time; allowed is up to 10 m/s² and 12 m/s",
        ),
    ],
)
def test_refuses_what_no_body_can_do(knots, limits, message):
    with pytest.raises(ValueError, match=r"^actors\[1\]") as refusal:
        path_through(*knots, **limits)
    assert str(refusal.value) == message


def test_a_refusal_counts_from_the_first_way_point_of_the_file():
    with pytest.raises(ValueError, match=r"^actors\[1\]\.movement_path\[0\]: needs 50\.0 m/s"):
        path_through((0, 0, 0), (1, 50, 0), (9, 51, 0), first=-1)


def test_a_car_may_go_faster():
    path = path_through((0, 0, 0), (10, 250, 0), max_speed=60.0)
    assert np.linalg.norm(path.velocity(np.array([5.0]))) > 25.0


def test_needs_a_way_point():
    with pytest.raises(ValueError, match="at least one"):
        Path.through([], WHERE)
    alone = path_through((0, 3, 4))
    np.testing.assert_array_equal(alone.at(np.array([0.0, 7.0])), [[3, 4, 0]] * 2)


def test_a_path_that_is_moved_is_the_same_elsewhere() -> None:
    knots = [(0.0, 0.0, 0.0, None), (2.0, 3.0, 1.0, None), (4.0, 5.0, 5.0, None)]
    there = [(t, x + 20.0, y - 7.0, z) for t, x, y, z in knots]
    t = np.linspace(-1.0, 6.0, 60)
    moved, own = Path.through(knots, "p").moved(20.0, -7.0), Path.through(there, "p")
    assert np.abs(moved.at(t) - own.at(t)).max() < 1e-9
    assert np.array_equal(moved.velocity(t), Path.through(knots, "p").velocity(t))


def test_a_long_halt_changes_nothing_about_the_way_to_it() -> None:
    way = [(0.0, 0.0, 0.0, None), (2.0, 3.0, 1.0, None), (4.0, 5.0, 5.0, None)]
    waits = [*way, (600.0, 5.0, 5.0, None)]
    t = np.linspace(0.0, 4.0, 50)
    assert np.abs(Path.through(waits, "p").at(t) - Path.through(way, "p").at(t)).max() < 1e-9
    hasty = [*waits, (600.4, 9.0, 5.0, None)]
    with pytest.raises(ValueError, match=r"p\[4\]: needs"):
        Path.through(hasty, "p")
