"""Props: shapes have the tables' sizes, and appear on the screen where the projection says."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pygame
import pytest

from entities.objects import (
    BODY_KINDS,
    FOOTPRINTS,
    SPREADS,
    BodyKind,
    ObjectType,
    height_m,
)
from entities.skeleton import NECK, R_HAND
from sim.camera.pinhole import Camera
from sim.render.geometry.draw_order import painters_order
from sim.render.geometry.mesh import DAYLIGHT, rotation_matrix
from sim.render.geometry.shapes import COPLANAR, FACE, ShapeFile
from sim.render.held import held_axis, held_heading
from sim.render.props import default_color, draw_prop, prop_mesh, prop_spread

SIZE = (400, 400)
EMPTY = (1, 2, 3)
BACKRESTS = {
    ObjectType.CHAIR: 2.05,
    ObjectType.BENCH: 1.90,
    ObjectType.SOFA: 2.00,
    ObjectType.BED: 1.80,
}
"""Total height as a ratio of the table's height, where the table gives seat or top height."""
GROUND_SHARE = 0.02
"""What starts below this share of the height stands on the ground."""


@dataclass(frozen=True)
class Extent:
    """How far a shape reaches, in ratios of the object's height."""

    bottom: float
    top: float
    length: float  # along the heading
    width: float
    base_length: float  # of what stands on the ground
    base_width: float
    seat: float  # top of the part named "seat", or of everything


@cache
def prop_extent(kind: ObjectType) -> Extent:
    """Measured from the shape itself, for checks against the tables."""
    mesh = prop_mesh(kind)
    indices = [k for corner in mesh.corners for k in corner]
    owner = np.repeat(np.arange(len(mesh.corners)), [len(corner) for corner in mesh.corners])
    points, radius = mesh.points[indices], mesh.radius.max(axis=1)[owner, None]
    low, high = points - radius, points + radius
    standing = low[:, 2] <= low[:, 2].min() + GROUND_SHARE
    base = high[standing].max(axis=0) - low[standing].min(axis=0)
    seats = np.array([mesh.part[i] == "seat" for i in owner])
    low_all, high_all = low.min(axis=0), high.max(axis=0)
    length, width = prop_spread(kind)
    return Extent(
        bottom=float(low_all[2]),
        top=float(high_all[2]),
        length=length,
        width=width,
        base_length=float(base[0]),
        base_width=float(base[1]),
        seat=float(high[seats, 2].max() if seats.any() else high_all[2]),
    )


def picture(camera: Camera, kind: ObjectType, position, **options) -> np.ndarray:
    """(width, height) bool, which pixels a prop covers."""
    surface = pygame.Surface(camera.size)
    surface.fill(EMPTY)
    heading = options.pop("heading", -np.pi / 2)
    color = options.pop("color", default_color(kind))
    draw_prop(surface, camera, kind, position, heading, options.pop("scale", 1.0), color, **options)
    return (pygame.surfarray.array3d(surface) != EMPTY).any(axis=2)


def facing_camera(distance: float, z: float, focal_px: float) -> Camera:
    return Camera(np.array([0.0, -distance, z]), 0.0, 0.0, focal_px / SIZE[1], SIZE)


@pytest.mark.parametrize("kind", ObjectType)
def test_extent_is_the_tables_within_one_percent(kind):
    extent, foot = prop_extent(kind), FOOTPRINTS[kind]
    length, width = SPREADS.get(kind, (foot.length, foot.width))
    assert extent.top - extent.bottom == pytest.approx(BACKRESTS.get(kind, 1.0), rel=0.01)
    assert extent.length == pytest.approx(length, rel=0.01)
    assert extent.width == pytest.approx(width, rel=0.01)
    if kind in SPREADS:
        assert extent.base_length == pytest.approx(foot.length, rel=0.01)
        assert extent.base_width == pytest.approx(foot.width, rel=0.01)
    if kind in BACKRESTS:
        assert extent.seat == pytest.approx(1.0, rel=0.01)
    ground = -0.5 if BODY_KINDS[kind] is BodyKind.BALL else 0.0
    assert extent.bottom == pytest.approx(ground, abs=0.01)


@pytest.mark.parametrize("kind", ObjectType)
@pytest.mark.parametrize("heading", [-np.pi / 2, 0.4])
def test_drawn_height_is_the_projection_within_two_pixels(kind, heading):
    extent, unit = prop_extent(kind), height_m(kind)
    middle = 0.5 * (extent.top + extent.bottom) * unit
    reach = max(extent.top - extent.bottom, extent.length, extent.width) * unit
    # From 200 lengths away the near and the far side of an object are equally large.
    camera = facing_camera(200.0 * reach, middle, 0.8 * SIZE[1] * 200.0)
    covered = np.flatnonzero(picture(camera, kind, (0.0, 0.0, 0.0), heading=heading).any(axis=0))
    ends = np.array([[0.0, 0.0, extent.top * unit], [0.0, 0.0, extent.bottom * unit]])
    top, bottom = camera.project(ends)[0][:, 1]
    assert covered[0] == pytest.approx(top, abs=2.0)
    assert covered[-1] + 1 == pytest.approx(bottom, abs=2.0)


@pytest.mark.parametrize("kind", ObjectType)
def test_drawn_width_follows_footprint_and_heading(kind):
    extent, unit = prop_extent(kind), height_m(kind)
    reach = max(extent.top - extent.bottom, extent.length, extent.width) * unit
    middle = 0.5 * (extent.top + extent.bottom) * unit
    camera = facing_camera(200.0 * reach, middle, 0.8 * SIZE[1] * 200.0)
    per_m = camera.pixels_per_metre(200.0 * reach)
    for heading, wide in ((-np.pi / 2, extent.width), (0.0, extent.length)):
        covered = np.flatnonzero(picture(camera, kind, (0, 0, 0), heading=heading).any(axis=1))
        assert covered[-1] + 1 - covered[0] == pytest.approx(wide * unit * per_m, abs=4.0)


def test_half_the_size_at_twice_the_distance():
    def tall(distance: float) -> int:
        camera = facing_camera(distance, 0.75, 4.0 * SIZE[1])
        return int(picture(camera, ObjectType.CAR, (0, 0, 0)).any(axis=0).sum())

    assert tall(60.0) / tall(120.0) == pytest.approx(2.0, rel=0.05)


def test_scale_and_color_of_the_scene_are_used():
    camera = facing_camera(30.0, 0.3, 2.0 * SIZE[1])
    small = picture(camera, ObjectType.BOX, (0, 0, 0)).any(axis=0).sum()
    large = picture(camera, ObjectType.BOX, (0, 0, 0), scale=2.0).any(axis=0).sum()
    assert large / small == pytest.approx(2.0, rel=0.15)
    surface = pygame.Surface(SIZE)
    draw_prop(surface, camera, ObjectType.BOX, (0, 0, 0), 0.3, 2.0, (20, 40, 220))
    red, green, blue, _ = surface.get_at((200, 185))
    assert blue > 2 * max(red, green)


def test_tilt_lays_the_bat_along_an_axis():
    camera = facing_camera(12.0, 1.0, 4.0 * SIZE[1])
    upright = picture(camera, ObjectType.BAT, (0, 0, 1))
    level = picture(camera, ObjectType.BAT, (0, 0, 1), tilt=np.array([1.0, 0.0, 0.0]))
    length = height_m(ObjectType.BAT) * camera.pixels_per_metre(12.0)
    assert upright.any(axis=0).sum() == pytest.approx(length, abs=3)
    assert level.any(axis=1).sum() == pytest.approx(length, abs=3)
    # The knob is in the hand, at the middle of the picture, and the barrel points right.
    assert np.flatnonzero(level.any(axis=1))[0] == pytest.approx(200, abs=3)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, -1), (1, 2, 3), (-3, 0.1, -0.5)])
def test_turned_is_a_rotation_that_raises_the_axis(up):
    turn = rotation_matrix(0.7, np.array(up, float), 1.1)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    assert rotation_matrix(0.7, np.array(up, float))[:, 2] == pytest.approx(up / np.linalg.norm(up))


def test_spin_rolls_a_ball():
    camera = facing_camera(1.2, 0.0, 2.0 * SIZE[1])

    def seen(spin: float) -> np.ndarray:
        surface = pygame.Surface(SIZE)
        draw_prop(surface, camera, ObjectType.SOCCER_BALL, (0, 0, 0), 0, 1, (250,) * 3, spin=spin)
        return pygame.surfarray.array3d(surface)

    assert (seen(0.0) != seen(0.5)).any()
    assert (seen(0.3) == seen(0.3)).all()


def nearest_faces(mesh, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(P,) the face each ray from eye meets first, -1 none, by ray casting."""
    best, first = np.full(len(rays), np.inf), np.full(len(rays), -1)
    for i, names in enumerate(mesh.corners):
        facing = mesh.normal[i] @ eye - mesh.offset[i]
        if facing <= 0.0 and not mesh.both[i]:
            continue
        corners = mesh.points[list(names)]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (mesh.offset[i] - mesh.normal[i] @ eye) / (rays @ mesh.normal[i])
        hits = eye + reach[:, None] * rays
        keep = [k for k in range(3) if k != np.abs(mesh.normal[i]).argmax()]
        flat, at = corners[:, keep], hits[:, keep]
        inside = np.zeros(len(rays), bool)
        for a, b in zip(flat, np.roll(flat, -1, axis=0), strict=True):
            crosses = (a[1] > at[:, 1]) != (b[1] > at[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                x = a[0] + (at[:, 1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
            inside ^= crosses & (at[:, 0] < x)
        hit = inside & (reach > 0.0) & (reach < best + 2.0 * COPLANAR)
        best[hit], first[hit] = reach[hit], i
    return first


# A bat is too thin to have an inside on the screen.
SOLID = [k for k in ObjectType if (prop_mesh(k).kind == FACE).all() and k is not ObjectType.BAT]


@pytest.mark.parametrize("kind", SOLID)
@pytest.mark.parametrize("heading", [0.3, 1.9, 3.9])
def test_painting_hides_what_ray_casting_hides(kind, heading):
    mesh, extent, unit = prop_mesh(kind), prop_extent(kind), height_m(kind)
    reach = max(extent.top - extent.bottom, extent.length, extent.width) * unit
    middle = 0.5 * (extent.top + extent.bottom) * unit
    away = 8.0 * reach
    camera = Camera(np.array([0.0, -away, middle + 0.3 * away]), -np.arctan(0.3), 0.0, 6.5, SIZE)
    surface = pygame.Surface(SIZE)
    surface.fill(EMPTY)
    draw_prop(surface, camera, kind, (0, 0, 0), heading, 1.0, default_color(kind))
    drawn = pygame.surfarray.array3d(surface).astype(int)
    columns, rows = np.meshgrid(np.arange(20, 400, 7), np.arange(20, 400, 7), indexing="ij")
    spots = np.stack([columns.ravel(), rows.ravel()], axis=1)
    turn = rotation_matrix(heading)
    eye = camera.position @ turn / unit
    around = [(0.0, 0.0), (2.0, 2.0), (-2.0, 2.0), (2.0, -2.0), (-2.0, -2.0)]
    met = [nearest_faces(mesh, eye, camera.rays(spots + 0.5 + np.array(d)) @ turn) for d in around]
    # Only well inside a face: its edges are blended.
    first = np.where((np.array(met) == met[0]).all(axis=0), met[0], -1)
    # Every face gets the colour that is drawn where it is seen; the wrong face shows as a colour
    # that differs from the rest of its own.
    wrong = seen = 0
    for face in np.unique(first[first >= 0]):
        colors = drawn[tuple(spots[first == face].T)]
        usual = np.median(colors, axis=0)
        wrong += (np.abs(colors - usual).sum(axis=1) > 30).sum()
        seen += len(colors)
    assert seen > 20
    assert wrong <= 0.02 * seen


def test_windows_are_drawn_after_the_wall_they_lie_on():
    mesh = prop_mesh(ObjectType.HOUSE)
    assert (mesh.parent >= 0).sum() > 10
    for yaw in np.linspace(0.0, 6.0, 9):
        order = painters_order(mesh, np.array([np.cos(yaw), np.sin(yaw), 0.1]))
        place = {element: k for k, element in enumerate(order)}
        for child in np.flatnonzero(mesh.parent >= 0).tolist():
            assert place[child] > place[int(mesh.parent[child])]


def test_lit_side_is_brighter_and_haze_takes_over_far_away():
    mesh = prop_mesh(ObjectType.BOX)
    assert (mesh.kind == FACE).all()
    red = np.array([200.0, 30.0, 30.0])
    assert (DAYLIGHT.lit(red, 1.0, 0.0) > DAYLIGHT.lit(red, 0.0, 0.0)).all()
    assert DAYLIGHT.hazed(red, 1e6) == pytest.approx(DAYLIGHT.haze)
    assert DAYLIGHT.hazed(red, 0.0) == pytest.approx(red)


@pytest.mark.parametrize("kind", ObjectType)
def test_inside_behind_and_beside_the_camera_nothing_breaks(kind):
    surface = pygame.Surface(SIZE)
    for y in (-30.0, -0.3, 0.0, 0.2, 40.0, 5e4):
        camera = Camera(np.array([0.1, 0.0, 0.4]), -0.1, 0.0, 1.6, SIZE)
        draw_prop(surface, camera, kind, (0.0, y, 0.0), 0.3, 1.0, (90, 90, 90))


def test_shape_files_are_checked():
    with pytest.raises(ValueError, match="exactly one"):
        ShapeFile.model_validate({"shapes": [{"ball": 1.0, "tube": [[0, 0, 0], [0, 0, 1]]}]})
    with pytest.raises(ValueError, match="unknown 'gold'"):
        ShapeFile.model_validate({"shapes": [{"ball": 1.0, "color": "gold"}]})


def test_held_objects_point_the_right_way():
    joints = np.zeros((10, 3))
    joints[NECK] = 0.0, 0.0, 1.4
    ahead = np.array([1.0, 0.0, 0.0])

    def up(kind: ObjectType, hand_height: float) -> np.ndarray:
        joints[R_HAND] = 0.2, 0.0, hand_height
        return held_axis(kind, R_HAND, joints, 0.0, 0)

    assert up(ObjectType.FLAG, 1.0) @ ahead > 0.1
    assert up(ObjectType.PHONE, 1.0) @ ahead > 0.5  # looked at: it lies in the hand
    assert up(ObjectType.PHONE, 1.6) @ ahead < -0.1  # at the ear: its foot at the mouth
    assert up(ObjectType.FOOD, 1.0) is None
    # The cloth of a flag is to the left of the way it faces, so it streams behind its holder.
    facing = held_heading(ObjectType.FLAG, 0.0)
    left = np.array([-np.sin(facing), np.cos(facing), 0.0])
    assert left @ ahead == pytest.approx(-1.0)
