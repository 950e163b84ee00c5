"""Stages: true places, parallax by the projection alone, the same picture every time."""

import json
import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pygame
import pytest

from entities.scene import TimeOfDay, Weather
from entities.stages import places, stage_path
from sim.camera.pinhole import Camera
from sim.render.geometry.shapes import ShapeFile
from sim.render.stage.grandstands import mitred
from sim.render.stage.ground import mark_outlines
from sim.render.stage.stage import Stage
from sim.render.stage.stage_file import Mark, StageFile, load_stage
from sim.render.stage.tiling import TileCache, cell_uniforms, cells_around

THEMES = sorted(path.stem for path in stage_path("generic").parent.glob("*.json"))
"""Every theme that has a stage of its own."""

SIZE = (640, 360)
ASKED = [
    "baseball",
    "soccer",
    "basketball",
    "track",
    "street",
    "park",
    "beach",
    "room",
    "dojo",
    "stage",
    "space",
    "city",
    "generic",
]


def camera(x=0.0, y=-12.0, z=2.2, yaw=0.0, pitch=-0.05) -> Camera:
    return Camera(np.array([x, y, z]), pitch, yaw, 1.6, SIZE)


def shot(stage: Stage, view: Camera, time: float = 0.0) -> np.ndarray:
    surface = pygame.Surface(view.size)
    surface.fill((255, 0, 255))
    stage.draw_back(surface, view, time)
    for _, draw in stage.scenery(view):
        draw(surface)
    stage.draw_front(surface, view, time)
    return pygame.surfarray.array3d(surface)


def test_every_asked_theme_has_a_valid_stage():
    assert set(ASKED) <= set(THEMES)
    for theme in THEMES:
        stage = load_stage(theme)
        assert stage.about
        assert stage.places, theme
        for entry in (*stage.fixtures, *stage.rows, *stage.scatter):
            assert entry.items
    for path in (stage_path("generic").parent / "dressing").glob("*.json"):
        assert ShapeFile.model_validate_json(path.read_text(encoding="utf-8")).shapes


def test_unknown_theme_plays_on_the_generic_stage():
    assert places("under_the_sea") == places("generic")
    view = camera()
    unknown, generic = (Stage(t, "clear", "day", 3) for t in ("under_the_sea", "generic"))
    assert (shot(unknown, view) == shot(generic, view)).all()


def test_a_wrong_stage_file_is_refused_by_field():
    text = stage_path("generic").read_text(encoding="utf-8")
    good = json.loads(text)
    for change, field in (
        ({"marks": [{"color": "#ffffff"}]}, "marks"),
        ({"ground": "green"}, "ground"),
        ({"sky": "hall"}, "sky"),
        ({"rocks": 3}, "rocks"),
    ):
        with pytest.raises(ValueError, match=field):
            StageFile.model_validate(good | change)


def test_the_diamond_is_true():
    spot = places("baseball")
    bases = [spot[name] for name in ("home", "first", "second", "third")]
    for a, b in zip(bases, bases[1:] + bases[:1], strict=True):
        assert math.dist(a, b) == pytest.approx(27.43, abs=0.01)
    assert math.dist(spot["home"], spot["mound"]) == pytest.approx(18.44, abs=0.005)
    assert spot["home"] == (0.0, 0.0)
    assert spot["first"][0] > 0.0 > spot["third"][0]


def test_pitch_court_and_track_are_true():
    pitch = places("soccer")
    assert pitch["right_goal"][0] - pitch["left_goal"][0] == pytest.approx(105.0)
    assert pitch["right_goal"][0] - pitch["right_spot"][0] == pytest.approx(11.0)
    court = places("basketball")
    assert court["right_hoop"][0] - court["left_hoop"][0] == pytest.approx(28.0 - 2 * 1.575)
    track = places("track")
    assert math.dist(track["start"], track["finish"]) == pytest.approx(100.0)
    assert track["lane_2"][1] - track["lane_1"][1] == pytest.approx(1.22)


def test_places_need_no_drawing_library():
    code = "import sys, entities.stages as p; p.places('park'); assert 'pygame' not in sys.modules"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("theme", ASKED)
def test_every_pixel_is_painted_and_the_same_again(theme):
    views = (camera(), camera(x=70.0, yaw=2.2), camera(y=4.0, z=6.0, yaw=-1.3, pitch=-0.3))
    stage = Stage(theme, "clear", "day", 5)
    first = [shot(stage, view, 1.5) for view in views]
    assert not any((picture == (255, 0, 255)).all(axis=2).any() for picture in first)
    stage = Stage(theme, "clear", "day", 5)
    shot(stage, camera(x=-400.0, y=33.0), 0.2)
    again = [shot(stage, view, 1.5) for view in reversed(views)][::-1]
    assert np.array_equal(again, first), "a picture depends on what came before"


def test_seed_hour_and_weather_change_the_picture():
    view = camera()
    base = shot(Stage("park", "clear", "day", 1), view)
    assert (shot(Stage("park", "clear", "day", 2), view) != base).any()
    means = {
        hour: shot(Stage("park", "clear", hour, 1), view).mean()
        for hour in ("day", "dusk", "night")
    }
    assert means["day"] > means["dusk"] > means["night"]
    for weather in ("cloudy", "rain", "snow", "fog"):
        assert (shot(Stage("park", weather, "day", 1), view) != base).any()


@pytest.mark.parametrize("weather", Weather)
@pytest.mark.parametrize("hour", TimeOfDay)
def test_all_weathers_at_all_hours(weather, hour):
    for theme in ("street", "space", "room"):
        pictures = shot(Stage(theme, weather.value, hour.value, 1), camera(), 3.0)
        assert not (pictures == (255, 0, 255)).all(axis=2).any()


def test_rain_falls_and_the_crowd_moves_but_the_park_stands_still():
    view = camera()
    park = Stage("park", "clear", "day", 1)
    still = (shot(park, view, 0.0) != shot(park, view, 0.5)).any(axis=2).mean()
    assert still < 0.02  # only clouds drift
    rain = Stage("park", "rain", "day", 1)
    surface = pygame.Surface(SIZE, pygame.SRCALPHA)
    rain.draw_front(surface, view, 1.0)
    first = pygame.surfarray.array_alpha(surface).copy()
    surface.fill((0, 0, 0, 0))
    rain.draw_front(surface, view, 1.1)
    second = pygame.surfarray.array_alpha(surface)
    assert (first > 0).sum() > 300
    assert ((first > 0) & (second > 0)).sum() < 0.3 * (first > 0).sum()


def column_of(picture: np.ndarray, color, rows: slice) -> float:
    """Mean column of the pixels whose colour is near ``color``."""
    near = (np.abs(picture[:, rows].astype(int) - color) < 26).all(axis=2)
    assert near.any()
    return float(np.nonzero(near)[0].mean())


def test_home_plate_shifts_as_the_projection_says():
    stage = Stage("baseball", "clear", "day", 1)
    plate = np.array([0.0, 0.2, 0.0])
    for x in (0.0, 0.4, 0.8):
        view = camera(x=x, y=-6.0, z=2.2, pitch=-0.35)
        pixel, _ = view.project(plate)
        half = 0.12 * view.pixels_per_metre(6.2)
        near = shot(stage, view)[int(pixel[0] - half) : int(pixel[0] + half), int(pixel[1])]
        assert (near.min(axis=1) > 200).all(), "the plate is not where the projection puts it"


def test_parallax_of_scenery_follows_depth():
    """Near trees shift more than far ones, each by focal x distance moved / depth."""
    stage = Stage("park", "clear", "day", 4)
    moved = 0.5
    before, after = camera(), camera(x=moved)
    first, second = stage.scenery(before), stage.scenery(after)
    assert len(first) > 5
    # The same things are seen: sideways movement changes no depth.
    same = {round(depth, 6) for depth, _ in first} & {round(depth, 6) for depth, _ in second}
    assert len(same) > 5
    shifts = {}
    for things, view in ((first, before), (second, after)):
        for depth, draw in things:
            surface = pygame.Surface(SIZE, pygame.SRCALPHA)
            draw(surface)
            columns = np.flatnonzero(pygame.surfarray.array_alpha(surface).any(axis=1))
            if len(columns) and columns[0] > 2 and columns[-1] < SIZE[0] - 3:
                middle = 0.5 * float(columns[0] + columns[-1])
                shifts.setdefault(round(depth, 6), {}).setdefault(id(view), []).append(middle)
    checked = 0
    for depth, seen in shifts.items():
        if len(seen) == 2 and all(len(middles) == 1 for middles in seen.values()):
            shift = seen[id(before)][0] - seen[id(after)][0]
            assert shift == pytest.approx(before.pixels_per_metre(depth) * moved, abs=1.6)
            checked += 1
    assert checked >= 10


def test_ground_marks_shift_as_the_projection_says():
    stage = Stage("track", "clear", "day", 1)
    # The finish line, seen from 8 m before it, when the camera moves 0.3 m to the side.
    spots = []
    for x in (99.8, 100.1):
        view = camera(x=x, y=-9.0, z=2.2, pitch=-0.2)
        pixel, depth = view.project(np.array([100.0, 1.22 * 1.5, 0.0]))
        row = shot(stage, view)[:, int(pixel[1])].min(axis=1)
        bright = np.flatnonzero(row[int(pixel[0]) - 12 : int(pixel[0]) + 12] > 190)
        spots.append(int(pixel[0]) - 12 + bright.mean())
    expected = 0.3 * camera().pixels_per_metre(float(depth))
    assert spots[0] - spots[1] == pytest.approx(expected, abs=1.5)


def test_the_world_never_ends():
    stage = Stage("park", "clear", "day", 1)
    for x in (500.0, -3_000.0, 43_000.0):
        assert len(stage.scenery(camera(x=x))) > 20


def test_scenery_hands_out_depths_that_the_camera_agrees_with():
    view = camera(x=13.0, yaw=0.4)
    depths = [depth for depth, _ in Stage("park", "clear", "day", 1).scenery(view)]
    assert depths == sorted(depths, reverse=True)
    assert min(depths) > -15.0


def test_chances_are_uniform_stable_and_differ_by_cell_and_seed():
    ix, iy = np.meshgrid(np.arange(-40, 40), np.arange(-40, 40), indexing="ij")
    drawn = cell_uniforms(ix, iy, 7, 2)
    assert drawn.shape == (80, 80, 2)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert len(np.unique(drawn)) == drawn.size
    assert (cell_uniforms(ix[3:5], iy[3:5], 7, 2) == drawn[3:5]).all()
    assert (cell_uniforms(ix, iy, 8, 2) != drawn).all()


def test_cells_around_cover_the_circle():
    ix, iy = cells_around(np.array([13.0, -7.0]), 4.0, 25.0)
    cells = set(zip(ix.tolist(), iy.tolist(), strict=True))
    for angle in np.linspace(0.0, 6.28, 60):
        for radius in (0.0, 10.0, 24.9):
            x, y = 13.0 + radius * np.cos(angle), -7.0 + radius * np.sin(angle)
            assert (int(np.floor(x / 4.0)), int(np.floor(y / 4.0))) in cells


def test_around_builds_once_a_tile():
    built = []
    around = TileCache(10.0, lambda centre: built.append(tuple(centre)) or len(built))
    assert [around.at(1.0, 1.0), around.at(9.0, 9.0), around.at(11.0, 1.0)] == [1, 1, 2]
    assert built == [(5.0, 5.0), (15.0, 5.0)]


def test_tall_dressing_before_everybody_is_left_out():
    stage = Stage("park", "clear", "day", 0)
    camera = Camera(position=np.array([0.0, -40.0, 6.0]), pitch=-0.1, size=(320, 180))
    depths = [depth for depth, _ in stage.scenery(camera)]
    kept = [depth for depth, _ in stage.scenery(camera, nearest_m=39.0)]
    assert min(depths) < 30.0
    assert [depth for depth in depths if depth > 39.0] == [depth for depth in kept if depth > 39.0]
    assert len(kept) < len(depths)


def test_stands_neither_gape_nor_overlap_where_their_line_bends():
    line = [(-30.0, 5.0), (0.0, 10.0), (30.0, 5.0), (40.0, -20.0)]
    pieces = mitred(line)
    for (ends, behind), (following, behind_next) in pairwise(pieces):
        for metres in (0.0, 6.0):
            corner, same = ends + metres * behind, following + metres * behind_next
            np.testing.assert_allclose(corner[1], same[0], atol=1e-9)
    for ends, behind in pieces:
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        left = np.array([-along[1], along[0]])
        np.testing.assert_allclose(behind @ left, 1.0)  # a metre back, however mitred


def test_painted_circles_are_round():
    for radius in (0.5, 1.8, 9.15, 30.0):
        (disc,) = mark_outlines(Mark(disc=(0.0, 0.0, radius), color="#ffffff"))
        chords = 0.5 * (disc + np.roll(disc, 1, axis=0))
        assert radius - np.hypot(*chords.T).min() < 0.01
