"""Pictures agree with the projection, and drawing changes no Frame."""

from dataclasses import fields

import numpy as np
import pygame
import pytest

from entities.components import FACES, Mark
from entities.objects import ObjectType, footprint_m, height_m
from entities.skeleton import ACTOR_TYPES, ActorType
from sim.camera.pinhole import Camera
from sim.frame import Frame
from sim.render.effects import soft_disc
from sim.render.figure import anatomy as at
from sim.render.figure.figures import FigureRenderer
from sim.render.renderer import Renderer
from tests.staging import make_cast, make_frame

SIZE = (640, 360)
HEADINGS = (0.0, 0.9, -np.pi / 2, np.pi / 2, 2.6)


def camera_at(x=0.0, y=-8.0, z=1.2, yaw=0.0, pitch=0.0, size=SIZE):
    return Camera(position=np.array([x, y, z]), yaw=yaw, pitch=pitch, size=size)


def clear(size=SIZE):
    surface = pygame.Surface(size, pygame.SRCALPHA)
    surface.fill((0, 0, 0, 0))
    return surface


def pixels(surface):
    return pygame.surfarray.array3d(surface).astype(int)


def figure_alone(kind, heading=0.0, camera=None, **more):
    """One actor drawn on a clear surface, and where it is in the picture."""
    cast = make_cast([kind])
    camera = camera or camera_at()
    figure_renderer = FigureRenderer(cast)
    frame = make_frame(cast, root=[(0, 0, 0)], heading=heading, **more)
    figures = figure_renderer.project(frame, camera)
    surface = clear(camera.size)
    figure_renderer.draw(surface, frame, figures, 0)
    return surface, figures


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("kind", [kind.value for kind in ActorType])
def test_every_actor_is_drawn_inside_its_projected_box(kind, heading):
    surface, figures = figure_alone(kind, heading)
    drawn = surface.get_bounding_rect()
    box = pygame.Rect(figures.low[0].tolist(), figures.room[0].tolist())
    assert drawn.height > 20
    assert box.contains(drawn)
    # The sprite is not cut off at its own edges: a rim of clear pixels is left.
    assert drawn.left > box.left
    assert drawn.right < box.right
    joints = figures.points[0, : at.HEAD + 1]
    grown = drawn.inflate(4, 4)
    for x, y in joints:
        assert grown.collidepoint(x, y)


@pytest.mark.parametrize("depth", [4.0, 8.0, 16.0])
@pytest.mark.parametrize("heading", [0.0, 0.6, -np.pi / 2])
def test_drawn_height_is_the_projected_height(depth, heading):
    camera = camera_at(y=-depth, size=(1280, 720))
    surface, figures = figure_alone("human", heading, camera)
    feet = figures.world[0, [at.L_HEEL, at.R_HEEL, at.L_TOE, at.R_TOE]] * (1.0, 1.0, 0.0)
    sole = camera.project(feet)[0][:, 1].max()
    crown = camera.project(figures.world[0, at.HEAD] + (0.0, 0.0, 0.12))[0][1]
    assert figures.world[0, at.HEAD, 2] + 0.12 == pytest.approx(1.70, abs=0.005)
    drawn = surface.get_bounding_rect()
    assert drawn.top == pytest.approx(crown, abs=2.0)
    assert drawn.bottom == pytest.approx(sole, abs=2.0)


@pytest.mark.parametrize(
    "view", [camera_at(x=-6, y=-6, yaw=-np.pi / 4), camera_at(pitch=-0.3, z=4)]
)
def test_figures_follow_the_camera(view):
    surface, figures = figure_alone("human", 0.4, view)
    middle = surface.get_bounding_rect().center
    pelvis = view.project(figures.world[0, 0])[0]
    assert abs(middle[0] - pelvis[0]) < 0.15 * figures.height[0]
    assert abs(middle[1] - pelvis[1]) < 0.15 * figures.height[0]


def test_far_actors_are_still_there():
    surface, figures = figure_alone("human", 0.0, camera_at(y=-60.0))
    assert figures.height[0] < 26
    assert surface.get_bounding_rect().height == pytest.approx(figures.height[0], abs=3)


def test_actors_behind_the_lens_are_not_drawn():
    surface, _ = figure_alone("human", 0.0, camera_at(y=3.0))
    assert surface.get_bounding_rect().size == (0, 0)


def test_feet_stand_on_the_ground_and_heels_never_dig_in():
    for kind in ("human", "child", "alien", "robot"):
        _, figures = figure_alone(kind)
        soles = figures.world[0, [at.L_HEEL, at.R_HEEL, at.L_TOE, at.R_TOE], 2]
        assert soles == pytest.approx(np.full(4, soles[0]))
        assert 0.02 < soles[0] < 0.05  # half a foot above the ground


def test_limbs_far_from_the_viewer_are_darker():
    surface, figures = figure_alone("robot", 0.0, camera_at(size=(1280, 720)))
    near, far = (
        pixels(surface)[tuple(np.rint(figures.points[0, knee]).astype(int))] for knee in (8, 6)
    )
    if figures.away[0, 8] > figures.away[0, 6]:
        near, far = far, near
    assert near.sum() >= far.sum()


@pytest.mark.parametrize("face", range(len(FACES)))
def test_every_face_differs_from_neutral(face):
    view = camera_at(y=-3.0, z=1.6)
    plain, _ = figure_alone("human", -np.pi / 2, view)
    shown, _ = figure_alone("human", -np.pi / 2, view, face=np.array([face]))
    same = (pixels(plain) == pixels(shown)).all()
    assert same == (FACES[face] == "neutral")


def test_an_open_mouth_and_a_blink_show():
    view = camera_at(y=-3.0, z=1.6)
    shut, _ = figure_alone("human", -np.pi / 2, view, time=1.0)
    speaking, _ = figure_alone("human", -np.pi / 2, view, time=1.0, mouth=np.array([0.9]))
    blinking, _ = figure_alone("human", -np.pi / 2, view, time=0.05)
    assert (pixels(shut) != pixels(speaking)).any()
    assert (pixels(shut) != pixels(blinking)).any()


def test_gaze_turns_the_face():
    view = camera_at(y=-3.0, z=1.6)
    ahead, _ = figure_alone("human", -np.pi / 2, view)
    aside, _ = figure_alone("human", -np.pi / 2, view, gaze=np.array([[0.8, 0.0]]))
    assert (pixels(ahead) != pixels(aside)).any()


OBJECTS = ["box", "soccer_ball", "tree"]


def street(time=0.0, x=0.0, **more):
    cast = make_cast(["human", "dog", "human"], OBJECTS)
    frame = make_frame(
        cast,
        root=[(x, 0, 0), (x - 1.5, 1, 0), (2.5, 4, 0)],
        time=time,
        velocity=[(7.5, 0, 0), (0, 0, 0), (0, 0, 0)],
        objects=[(1.5, 2.0, 0.0), (1.0, -1.0, 0.11), (-4.0, 8.0, 0.0)],
        marks=[
            Mark(0, "step", (x - 0.5, 0.0, 0.0), 7.0),
            Mark(0, "kick", (1.0, -1.0, 0.1), 9.0),
        ],
        speech={2: "Hello there"},
        **more,
    )
    return cast, frame


def columns(frame: Frame):
    return {field.name: getattr(frame, field.name) for field in fields(frame)}


@pytest.mark.parametrize("transparent", [False, True])
def test_drawing_never_changes_the_frame(transparent):
    cast, frame = street(0.1)
    before = {
        name: value.copy() if hasattr(value, "copy") else value
        for name, value in columns(frame).items()
    }
    Renderer(cast, SIZE, transparent=transparent, hud=True).draw(
        clear(), frame, camera_at(z=1.7), 0
    )
    for name, value in columns(frame).items():
        assert np.array_equal(value, before[name]), name


def test_every_pixel_is_painted_over():
    cast, frame = street(0.1)
    pictures = []
    for leftover in ((255, 0, 255), (0, 255, 0)):
        surface = pygame.Surface(SIZE)
        surface.fill(leftover)
        Renderer(cast, SIZE, hud=True).draw(surface, frame, camera_at(z=1.7))
        pictures.append(pixels(surface))
    assert (pictures[0] == pictures[1]).all()


@pytest.mark.parametrize("transparent", [True, False])
def test_a_frame_drawn_alone_equals_one_drawn_in_a_run(transparent):
    surface, alone = clear(), clear()
    renderer = None
    for i in range(4):
        cast, frame = street(0.05 * i, 0.4 * i)
        renderer = renderer or Renderer(cast, SIZE, transparent=transparent)
        renderer.draw(surface, frame, camera_at(x=0.3 * i, z=1.7))
    Renderer(cast, SIZE, transparent=transparent).draw(alone, frame, camera_at(x=0.9, z=1.7))
    apart = np.abs(pixels(surface) - pixels(alone))
    # Cached sprites of far scenery may be a hair out of scale; nothing else is kept.
    assert apart.max() <= (0 if transparent else 40)
    assert apart.mean() < 0.5


def test_transparent_picture_is_clear_round_the_actors():
    cast, frame = street(0.1)
    surface = clear()
    surface.fill((9, 9, 9, 255))
    Renderer(cast, SIZE, transparent=True).draw(surface, frame, camera_at(z=1.7))
    alpha = pygame.surfarray.array_alpha(surface)
    assert alpha[5, -5] == 0
    assert alpha[-5, 5] == 0
    assert (alpha == 0).mean() > 0.5
    figures = FigureRenderer(cast).project(frame, camera_at(z=1.7))
    x, y = np.rint([0.25, 0.75] @ figures.points[0, [0, 1]]).astype(int)
    assert alpha[x, y] > 250
    # Colours are their own, not darkened by alpha: the shirt is the shirt on every edge pixel.
    assert np.abs(pixels(surface)[x, y] - cast.actor_color[0]).max() < 6


def middle_of(surface, color, tolerance=40):
    """Mean pixel of those near a colour."""
    near = np.abs(pixels(surface) - color).max(axis=2) < tolerance
    assert near.sum() > 20
    return np.argwhere(near).mean(axis=0)


def test_runner_and_background_move_as_the_projection_says():
    """Half a second of a run with a camera that goes along."""
    cast = make_cast(["human"], ["box"])
    cast.object_color[0] = (20, 40, 240)
    spots, wanted = [], []
    for x, lens in ((0.0, 0.0), (2.0, 1.6)):
        frame = make_frame(cast, root=[(x, 0, 0)], objects=[(0.8, 6.0, 0.0)])
        camera = camera_at(x=lens, y=-8.0, z=1.2, size=(1280, 720))
        surface = clear((1280, 720))
        Renderer(cast, (1280, 720), transparent=True).draw(surface, frame, camera)
        chest = np.array([x, 0.0, 1.2])
        crate = np.array([0.8, 6.0, 0.25])
        wanted.append([camera.project(point)[0] for point in (chest, crate)])
        sky = surface.subsurface((0, 0, 1280, 720))
        spots.append([middle_of(sky, cast.actor_color[0]), middle_of(sky, (20, 40, 240), 120)])
    moved, projected = np.diff(spots, axis=0)[0], np.diff(wanted, axis=0)[0]
    assert moved == pytest.approx(projected, abs=2.5)
    assert projected[0][0] > 40  # he gains on the camera,
    assert projected[1][0] < -120  # the world goes by


def test_the_nearer_actor_covers_the_farther():
    cast = make_cast(["human", "human"])
    surface = clear()
    for places, first in ((((0, 0, 0), (0, 2, 0)), 0), (((0, 2, 0), (0, 0, 0)), 1)):
        frame = make_frame(cast, root=places)
        Renderer(cast, SIZE, transparent=True).draw(surface, frame, camera_at())
        chest = camera_at().project(np.array([0.0, 0.0, 1.3]))[0]
        shown = pixels(surface)[tuple(np.rint(chest).astype(int))]
        assert np.abs(shown - cast.actor_color[first]).max() < 40


def test_a_tall_object_in_front_turns_translucent():
    cast = make_cast(["human"], ["tree"])
    frame = make_frame(cast, root=[(0, 0, 0)], objects=[(0.0, -3.0, 0.0)])
    camera = camera_at(y=-9.0, z=1.3, size=(1280, 720))
    surface = clear((1280, 720))
    Renderer(cast, (1280, 720), transparent=True).draw(surface, frame, camera)
    x, y = np.rint(camera.project(np.array([0.0, 0.0, 1.3]))[0]).astype(int)
    shirt = np.array(cast.actor_color[0], int)
    bark = pixels(surface)[x, y + 160]  # below his feet the trunk is alone
    seen = pixels(surface)[x, y]
    assert np.abs(seen - shirt).sum() < np.abs(bark - shirt).sum() * 0.75


@pytest.mark.parametrize("kind", ["box", "car", "tree", "goal"])
def test_objects_have_their_projected_height(kind):
    cast = make_cast([], [kind])
    frame = make_frame(cast, root=[], objects=[(0.0, 0.0, 0.0)])
    height = height_m(ObjectType(kind))
    camera = camera_at(y=-5.0 * height - 3.0, z=0.5 * height)
    surface = clear()
    Renderer(cast, SIZE, transparent=True).draw(surface, frame, camera)
    alpha = pygame.surfarray.array_alpha(surface)
    rows = np.flatnonzero((alpha > 200).any(axis=0))
    reach = 0.5 * max(footprint_m(ObjectType(kind)))
    tops = [camera.project(np.array([0.0, y, height]))[0][1] for y in (-reach, reach)]
    assert min(tops) - 2 <= rows[0] <= max(tops) + 2


def drawn_marks(kind, strength, age):
    """How many pixels a mark changes in an empty park."""
    cast = make_cast([])
    renderer, camera = Renderer(cast, SIZE), camera_at(z=1.5)
    pictures = []
    for marks in ([], [Mark(60, kind, (0.0, 0.0, 0.05), strength)]):
        surface = pygame.Surface(SIZE)
        renderer.draw(surface, make_frame(cast, root=[], time=1.0 + age, marks=marks), camera)
        pictures.append(pixels(surface))
    return int((pictures[0] != pictures[1]).any(axis=2).sum())


def test_fast_feet_raise_dust_that_settles():
    assert drawn_marks("step", 7.0, 0.2) > 50
    assert drawn_marks("step", 1.3, 0.2) == 0
    assert drawn_marks("step", 7.0, 1.2) == 0


def test_a_kick_flashes_briefly():
    assert drawn_marks("kick", 9.0, 0.05) > 30
    assert drawn_marks("kick", 9.0, 0.5) == 0


def test_sprinters_have_streaks_behind_them():
    cast = make_cast(["human"])
    renderer, camera = Renderer(cast, SIZE), camera_at(z=1.5)
    pictures = []
    for speed in (0.0, 8.0):
        surface = pygame.Surface(SIZE)
        renderer.draw(surface, make_frame(cast, root=[(0, 0, 0)], velocity=[(speed, 0, 0)]), camera)
        pictures.append(pixels(surface))
    changed = np.argwhere((pictures[0] != pictures[1]).any(axis=2))
    assert len(changed) > 60
    assert (changed[:, 0] < SIZE[0] / 2).all()  # he runs to the right


def test_speech_and_hud_are_words_on_the_picture():
    cast, frame = street(0.1)
    camera = camera_at(z=1.7)
    plain, with_hud, silent = (pygame.Surface(SIZE) for _ in range(3))
    renderer = Renderer(cast, SIZE)
    renderer.draw(plain, frame, camera)
    renderer.hud = True
    renderer.draw(with_hud, frame, camera)
    assert (pixels(plain) != pixels(with_hud)).any(axis=2).sum() > 500
    renderer.hud = False
    frame.speech = {}
    renderer.draw(silent, frame, camera)
    bubble = pixels(plain)[(pixels(plain) != pixels(silent)).any(axis=2)]
    assert (bubble.min(axis=1) > 245).mean() > 0.5


def test_soft_disc_fades_to_its_edge():
    alpha = pygame.surfarray.array_alpha(soft_disc(40, 20, (0, 0, 0)))
    assert alpha[20, 10] > 240
    assert alpha[0].max() < 10
    assert (np.diff(alpha[:20, 10].astype(int)) >= 0).all()


def test_actor_types_have_a_head_each():
    sizes = {}
    for kind in ACTOR_TYPES:
        surface, _ = figure_alone(kind.value, -1.2, camera_at(y=-5.0))
        sizes[kind] = pygame.image.tobytes(surface, "RGBA")
    assert len(set(sizes.values())) == len(ACTOR_TYPES)


@pytest.mark.parametrize(
    ("words", "is_seen"),
    [
        ("\u200b\ufeff", False),
        ("\n\t \u2028", False),
        ("hello", True),
        ("你好 🎉", True),
        ("a" * 2_000, True),
        ("\u202eabc\u0301", True),
        ("\U0010fffe", True),
    ],
)
def test_a_bubble_for_all_that_has_a_shape(words, is_seen):
    cast = make_cast(["human"])
    silent, speaking = (make_frame(cast, root=[(0.0, 0.0, 0.0)]) for _ in range(2))
    speaking.speech = {0: words}
    pictures = []
    for frame in (silent, speaking):
        surface = pygame.Surface((640, 360), 0, 32)
        Renderer(cast, (640, 360)).draw(surface, frame, Camera(size=(640, 360)))
        pictures.append(pygame.surfarray.array3d(surface))
    assert (pictures[0] != pictures[1]).any() == is_seen
