"""What a picture costs does not depend on how near or how far it is seen."""

import resource
import time
from itertools import product
from pathlib import Path

import numpy as np
import pygame
import pytest

from entities.objects import ObjectType
from sim.camera.pinhole import Camera
from sim.loop import Simulation
from sim.render.effects import blit_soft
from sim.render.geometry.polygons import LONG_PX, fill_disc, fill_line, fill_polygon
from sim.render.geometry.sprite_store import Sprite, SpriteStore
from sim.render.geometry.sprites import stretched
from sim.render.renderer import Renderer
from tests.conftest import make_scene

SIZE = (320, 180)
THEMES = ("park", "city")


def stage(theme: str):
    """A runner who speaks, a dog and a thing of every fifth kind; and the frame after a second."""
    kinds = list(ObjectType)[::5]
    things = [
        {"object_type": kind.value, "position": {"x": 3.0 * i - 12.0, "y": 4.0 + i}}
        for i, kind in enumerate(kinds)
    ]
    scene = make_scene(
        {"actions": [[0.0, "sprint"]], "cues": [{"t": 0.2, "say": "here I am"}]},
        {"actor_type": "dog", "initial_position": {"x": 2.0, "y": 1.0}},
        objects=things,
        theme=theme,
    )
    simulation = Simulation(scene, motion="procedural")
    return simulation.cast, list(simulation.frames(60))[-1]


def camera_at(place: np.ndarray, away: float, focal: float, size=SIZE) -> Camera:
    """A camera that looks at a place from a distance."""
    position = place + np.array([0.3, -1.0, 0.1]) * away
    position[2] = max(position[2], 0.05)
    return Camera(position=position, pitch=-0.1, yaw=0.29, focal=focal, size=size)


@pytest.mark.parametrize("theme", THEMES)
def test_no_surface_grows_with_the_zoom(theme, monkeypatch):
    made: list[int] = []

    class Watched(pygame.Surface):
        def __init__(self, size, *rest):
            made.append(int(size[0]) * int(size[1]))
            super().__init__(size, *rest)

    cast, frame = stage(theme)
    renderer = Renderer(cast, SIZE, hud=True)
    picture = pygame.Surface(SIZE, 0, 32)
    monkeypatch.setattr(pygame, "Surface", Watched)
    places = [frame.root[0] + (0, 0, 1.2), np.array([0.0, 300.0, 20.0]), frame.object_position[2]]
    for place, (away, zoom) in product(places, ((10.0, 20.0), (10.0, 100.0), (0.01, 100.0))):
        renderer.draw(picture, frame, camera_at(place, away, 1.6 * zoom), 0)
    assert max(made) <= 6e6  # a supersampled tree; without a bound it is thousands of pictures


def resident_mb() -> float:
    """Memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell")
@pytest.mark.parametrize("theme", ["park", "city"])
def test_zooming_takes_no_memory(theme):
    cast, frame = stage(theme)
    renderer = Renderer(cast, SIZE)
    picture = pygame.Surface(SIZE, 0, 32)
    after: list[float] = []
    for zoom in [*1.15 ** np.arange(-10, 34)] * 3:
        renderer.draw(picture, frame, camera_at(frame.root[0], 10.0, 1.6 * zoom))
        after.append(resident_mb())
    assert max(after) - after[0] < 100.0  # the caches fill, and stay
    assert max(after[88:]) - max(after[:88]) < 10.0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (16, 16), (400, 3), (2000, 40)])
def test_pictures_of_odd_sizes(size):
    cast, frame = stage("generic")
    renderer = Renderer(cast, size, hud=True)
    picture = pygame.Surface(size, 0, 32)
    for zoom in (0.01, 1.0, 100.0):
        renderer.draw(picture, frame, camera_at(frame.root[0], 10.0, 1.6 * zoom, size), 0)


@pytest.mark.parametrize("place", [(1e5, -1e5, 0.3), (0.0, 1e5, 1e5), (-1e5, 0.0, 2.0)])
def test_pictures_from_far_away(place):
    cast, frame = stage("park")
    picture = pygame.Surface(SIZE, 0, 32)
    renderer = Renderer(cast, SIZE, hud=True)
    for focal in (0.016, 1.6, 160.0):
        camera = Camera(np.array(place), pitch=-0.1, yaw=2.0, focal=focal, size=SIZE)
        renderer.draw(picture, frame, camera, 0)


def test_large_shapes_are_filled_as_far_as_they_are_seen():
    def filled(draw, *shape) -> np.ndarray:
        canvas = pygame.Surface((200, 100), pygame.SRCALPHA)
        draw(canvas, (255, 0, 0), *shape)
        return pygame.surfarray.array_alpha(canvas) > 0

    far = 50.0 * LONG_PX
    half = filled(fill_polygon, [(100, -far), (far, -far), (far, far), (100, far)])
    assert 0.49 < half.mean() < 0.51
    assert half[110:].all()
    assert not half[:90].any()
    band = filled(fill_line, (-far, 50), (far, 50), 20)
    assert band[:, 42:58].all()
    assert not band[:, :38].any()
    assert not band[:, 62:].any()
    disc = filled(fill_disc, (100 - far, 50), far)
    assert disc[:98].all()
    assert not disc[102:].any()
    start = time.thread_time()
    filled(fill_disc, (1e9, 50), 1e9)
    filled(fill_polygon, [(0, -1e9), (1e9, 1e9), (-1e9, 1e9)])
    assert time.thread_time() - start < 0.1


def test_a_stretched_sprite_is_what_scaling_it_whole_shows():
    sprite = pygame.Surface((40, 20), pygame.SRCALPHA)
    pygame.draw.rect(sprite, (200, 100, 50), (10, 5, 20, 10))
    whole = pygame.transform.smoothscale(sprite, (4000, 2000))
    seen, corner = stretched(sprite, (-1500.0, -600.0), (4000.0, 2000.0), (300, 200))
    assert seen.get_width() <= 300 + 2 * 100
    picture = pygame.Surface((300, 200))
    picture.blit(seen, corner)
    expected = pygame.Surface((300, 200))
    expected.blit(whole, (-1500, -600))
    difference = pygame.surfarray.array3d(picture).astype(int) - pygame.surfarray.array3d(expected)
    assert np.abs(difference).mean() < 8.0
    assert stretched(sprite, (400.0, 0.0), (100.0, 100.0), (300, 200)) is None


def test_soft_discs_of_any_size_cover_their_middle():
    for half in (3.0, 300.0, 5e3, 1e6):
        picture = pygame.Surface(SIZE)
        blit_soft(picture, (255, 255, 255), (160.0, 90.0), (half, half), 1.0)
        assert picture.get_at((160, 90)).r > 200


def test_a_store_keeps_what_was_used_last_within_its_bytes():
    made: list[int] = []

    def make(key: int) -> Sprite:
        made.append(key)
        return Sprite(pygame.Surface((10, 10), 0, 32))

    store = SpriteStore(4 * 400)
    for key in (1, 2, 3, 4, 1, 5, 1, 6):
        store.get(key, make)
        assert store.n_bytes <= 4 * 400
    assert made == [1, 2, 3, 4, 5, 6]
    store.get(1, make)  # used often: still there
    store.get(2, make)  # dropped as the one not used for longest
    assert made == [1, 2, 3, 4, 5, 6, 2]
