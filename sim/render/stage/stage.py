"""The stage: sky, far layers, ground, scenery and weather round the actors.

Every element has a place in the world and only the pinhole moves it on the screen. Nothing here
keeps time: a picture is a function of stage, seed, time and camera.
"""

from collections.abc import Callable
from functools import partial

import pygame

from entities.stages import themes
from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.sprite_cache import paint_all
from sim.render.stage.backdrop import Backdrop
from sim.render.stage.grandstands import Grandstands
from sim.render.stage.ground import Ground
from sim.render.stage.scenery import IN_THE_WAY_M, Scenery
from sim.render.stage.sky import Sky, stage_light
from sim.render.stage.stage_file import load_stage
from sim.render.stage.weather import Weather

__all__ = ["Stage", "themes"]

Drawer = Callable[[pygame.Surface], None]


class Stage:
    """One theme in one weather at one hour; unknown themes play on the generic stage."""

    def __init__(self, theme: str, weather: str, time_of_day: str, seed: int) -> None:
        stage = load_stage(theme)
        self.light: Light = stage_light(stage, weather, time_of_day)
        self._sky = Sky(stage, self.light, weather, time_of_day, seed)
        self._backdrop = Backdrop(stage.ridges, self.light, seed)
        self._ground = Ground(stage, weather, self.light, seed)
        self._stands = Grandstands(stage, self.light, seed)
        self._scenery = Scenery(stage, self.light, seed)
        self._weather = Weather(stage, weather, self.light, seed)

    @property
    def ground_color(self) -> tuple[int, int, int]:
        """What the bare ground near the camera looks like, 0..255: dust takes it."""
        return self._ground.color

    def draw_back(
        self, surface: pygame.Surface, camera: Camera, time: float, nearest_m: float = 0.0
    ) -> None:
        """Sky, far layers, ground, and what nobody ever stands behind; covers every pixel.

        nearest_m: as for ``scenery``.
        """
        self._sky.draw(surface, camera, time)
        self._ground.fill(surface, camera)
        self._backdrop.draw(surface, camera)
        self._ground.draw(surface, camera, time)
        surface.fblits(self._scenery.shadows(camera, nearest_m))
        walls = self._stands.sections(camera, time)
        behind = [piece for piece in self._scenery.pieces(camera) if piece.look.spec.back]
        painted = [(piece.order, self._scenery.painter(camera, piece)) for piece in behind]
        painted += [(wall.order, partial(self._stands.draw, seen=wall)) for wall in walls[::-1]]
        painted.sort(key=lambda item: -item[0])
        paint_all(surface, [paint for _, paint in painted])

    def scenery(self, camera: Camera, nearest_m: float = 0.0) -> list[tuple[float, Drawer]]:
        """(depth in m along the view, what draws it) of things that actors pass before or behind.

        Call each drawer with the surface, the deepest first, in turn with the actors. Tall things
        nearer than ``nearest_m`` are left out: they would hide whom the camera looks at.
        """
        return [
            (piece.depth, self._scenery.painter(camera, piece))
            for piece in self._scenery.pieces(camera)
            if not piece.look.spec.back
            and (piece.depth > nearest_m or piece.look.top * piece.size < IN_THE_WAY_M)
        ]

    def draw_front(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Rain, snow and fog before everything."""
        self._weather.draw(surface, camera, time)
