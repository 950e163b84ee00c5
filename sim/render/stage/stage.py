"""The stage: sky, silhouettes, ground, scenery and weather round the actors.

Every element has a place in the world, and only the camera moves it on the screen. A picture is a
function of stage, seed, time and camera.
"""

import pygame

from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.sprite_cache import DrawItem, draw_back_to_front
from sim.render.stage.backdrop import Backdrop
from sim.render.stage.grandstands import Grandstands
from sim.render.stage.ground import Ground
from sim.render.stage.scenery import IN_THE_WAY_M, Scenery
from sim.render.stage.sky import Sky, stage_light
from sim.render.stage.stage_file import load_stage
from sim.render.stage.weather import Weather


class Stage:
    """The stage of a theme in one weather at one hour; unknown themes get the generic stage."""

    def __init__(self, theme: str, weather: str, time_of_day: str, seed: int) -> None:
        stage = load_stage(theme)
        self.light: Light = stage_light(stage, weather, time_of_day)
        self._sky = Sky(stage, self.light, weather, time_of_day, seed)
        self._backdrop = Backdrop(stage.ridges, self.light, seed)
        self._ground = Ground(stage, weather, self.light, seed)
        self._grandstands = Grandstands(stage, self.light, seed)
        self._scenery = Scenery(stage, self.light, seed)
        self._weather = Weather(stage, weather, self.light, seed)

    @property
    def ground_color(self) -> tuple[int, int, int]:
        """Colour of the bare ground near the camera, 0..255."""
        return self._ground.color

    def draw_back(
        self, surface: pygame.Surface, camera: Camera, time: float, nearest_m: float = 0.0
    ) -> None:
        """Draw what is behind every actor: sky, silhouettes, ground, grandstands, background items.

        It covers every pixel. nearest_m: as for ``scenery``.
        """
        self._sky.draw(surface, camera, time)
        self._ground.fill(surface, camera)
        self._backdrop.draw(surface, camera)
        self._ground.draw(surface, camera, time)
        surface.fblits(self._scenery.shadows(camera, nearest_m))
        sections = self._grandstands.sections(camera, time)
        behind = [item for item in self._scenery.items(camera) if item.look.spec.back]
        draws = [(item.order, self._scenery.draw_call(camera, item)) for item in behind]
        draws += [(section.order, section.draw) for section in sections[::-1]]
        draw_back_to_front(surface, draws)

    def scenery(self, camera: Camera, nearest_m: float = 0.0) -> list[DrawItem]:
        """The items that actors pass in front of or behind, to be drawn among them by depth.

        Tall items nearer than ``nearest_m`` are left out: they would hide the followed actor.
        """
        return [
            (item.depth, self._scenery.draw_call(camera, item))
            for item in self._scenery.items(camera)
            if not item.look.spec.back
            and (item.depth > nearest_m or item.look.top * item.size < IN_THE_WAY_M)
        ]

    def draw_front(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Draw rain, snow and fog in front of everything."""
        self._weather.draw(surface, camera, time)
