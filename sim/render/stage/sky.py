"""The sky of an hour and a weather: the light it gives, and all above the horizon."""

from dataclasses import dataclass

import numpy as np
import pygame

from sim.camera.director import FOCAL
from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.shapes import rgb_array
from sim.render.geometry.sprite_store import Sprite, SpriteStore
from sim.render.geometry.sprites import CLOUD_SHAPES, cloud, disc, glow, stretched
from sim.render.stage.ground import draw_polygons, fill_rows
from sim.render.stage.stage_file import Hall, StageFile
from sim.render.stage.tiling import TileCache, cell_uniforms, cells_around

STARS = 420
CLOUD_CELL_M = 420.0
CLOUD_FAR_M = 3200.0
CLOUD_BYTES = 8_000_000
"""Most memory of the clouds kept."""
CLOUD_STEP = 12.0
"""Cloud sprites are this many steps apart per factor e in width."""
COARSE_STEPS = 6
"""While zoomed in, clouds are scaled from some that are this many steps apart: each step of the
zoom asks for all of them in another size."""
CLOUD_WIND = np.array([4.0, 1.0])  # m/s
BEAM_M = 0.22
"""Width of a beam of a hall."""
BEAM_REACH_M = 30.0
GRADIENT_TOP = 0.75
"""Picture heights above the horizon at which the sky has its zenith colour."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The sky and the light at a time of day; sun and ambient are factors on colours."""

    zenith: str
    middle: str
    horizon: str
    sun: tuple[float, float, float]
    ambient: tuple[float, float, float]
    bearing: float  # rad on the ground from +x, of the sun or moon
    height: float  # rad above the horizon
    disc: str  # colour of the sun or moon
    stars: float  # 0..1
    glow: float  # of lamps, 0..1


HOURS = {
    "dawn": Hour("#6f9bd1", "#f2cdbf", "#ffe3b3", (0.54, 0.45, 0.36), (0.50, 0.50, 0.56),
                 2.15, 0.13, "#fff0c4", 0.0, 0.35),
    "day": Hour("#4d9be0", "#a5d0f0", "#dff0f8", (0.50, 0.49, 0.46), (0.55, 0.56, 0.60),
                2.45, 0.75, "#fffbe6", 0.0, 0.0),
    "dusk": Hour("#3a4585", "#c0718f", "#ffb376", (0.48, 0.32, 0.22), (0.44, 0.40, 0.50),
                 1.05, 0.09, "#ffd9a0", 0.25, 0.8),
    "night": Hour("#0a1029", "#18234a", "#2c3c68", (0.12, 0.14, 0.22), (0.27, 0.31, 0.45),
                  1.15, 0.30, "#f2f0dc", 1.0, 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cover:
    """What a weather does to the sky and the light."""

    grey: str  # colour of the overcast by day
    share: float  # of the sky's colours that is overcast
    sun_left: float  # share of the sunlight that comes through
    haze_m: float  # distance at which 63 % of a colour is haze
    clouds: float  # chance of a cloud per cell


COVERS = {
    "clear": Cover("#ffffff", 0.0, 1.0, 900.0, 0.34),
    "cloudy": Cover("#b9c4cd", 0.75, 0.45, 600.0, 0.95),
    "rain": Cover("#94a2ae", 0.9, 0.2, 260.0, 0.0),
    "snow": Cover("#d3dbe2", 0.9, 0.35, 200.0, 0.0),
    "fog": Cover("#ccd3d8", 0.97, 0.25, 45.0, 0.0),
}


def stage_light(stage: StageFile, weather: str, time_of_day: str) -> Light:
    """The light of a stage; that of halls and space takes nothing from the weather."""
    hour, cover = HOURS[time_of_day], COVERS[weather]
    bearing = np.array([np.cos(hour.bearing), np.sin(hour.bearing)]) * np.cos(max(hour.height, 0.6))
    # The light always comes from the viewer's side, so that the sides seen are the lit ones.
    direction = np.array([bearing[0], -abs(bearing[1]), np.sin(max(hour.height, 0.6))])
    if stage.sky == "hall":
        assert stage.hall is not None
        warm = 1.0 if time_of_day == "day" else 0.9
        return Light(
            direction=np.array([-0.3, -0.5, 0.81]),
            sun=np.array([0.42, 0.40, 0.36]) * warm,
            ambient=np.array([0.60, 0.59, 0.58]) * warm,
            haze=rgb_array(stage.hall.ceiling) * 0.8,
            haze_m=220.0,
            glow=0.7,
        )
    if stage.sky == "space":
        return Light(
            direction=np.array([-0.62, -0.45, 0.64]),
            sun=np.array([0.80, 0.79, 0.76]),
            ambient=np.array([0.28, 0.29, 0.33]),
            haze=np.array([20.0, 22.0, 34.0]),
            haze_m=9000.0,
            glow=0.6,
        )
    horizon = _sky_colors(weather, time_of_day)[2]
    return Light(
        direction=direction / np.linalg.norm(direction),
        sun=np.array(hour.sun) * cover.sun_left,
        ambient=np.array(hour.ambient) + (1.0 - cover.sun_left) * 0.45 * np.array(hour.sun),
        haze=horizon,
        haze_m=cover.haze_m,
        glow=max(hour.glow, 0.35 * cover.share * (time_of_day != "day")),
    )


def _sky_colors(weather: str, time_of_day: str) -> list[np.ndarray]:
    """Colours of zenith, middle and horizon, (3,) 0..255 each."""
    hour, cover = HOURS[time_of_day], COVERS[weather]
    bright = (np.array(hour.sun) + np.array(hour.ambient)).clip(0.0, 1.0)
    grey = rgb_array(cover.grey) * (0.25 + 0.75 * bright)
    colors = [rgb_array(c) for c in (hour.zenith, hour.middle, hour.horizon)]
    dim = (0.9, 0.97, 1.0)
    return [c + (grey * d - c) * cover.share for c, d in zip(colors, dim, strict=True)]


class Sky:
    """All above the horizon, in one weather at one hour: sky, sun, stars, clouds, or a ceiling."""

    def __init__(
        self, stage: StageFile, light: Light, weather: str, time_of_day: str, seed: int
    ) -> None:
        self._stage, self._light, self._seed = stage, light, seed
        self._hour = HOURS[time_of_day]
        self._cover = COVERS[weather]
        self._space = stage.sky == "space"
        if self._space:
            self._colors = [rgb_array(c) for c in ("#04050d", "#090b1a", "#14172c")]
        else:
            self._colors = _sky_colors(weather, time_of_day)
        self._gradient = pygame.Surface((1, 1))
        self._clouds = SpriteStore[tuple[int, int, int]](CLOUD_BYTES)
        self._masters = SpriteStore[tuple[int, int, int]](CLOUD_BYTES)
        self._tiles = TileCache(CLOUD_CELL_M, self._build_clouds)
        self._stars = self._make_stars()
        self._bodies = self._make_bodies()

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Draw everything above the horizon."""
        if self._stage.hall is not None:
            self._draw_ceiling(surface, camera)
            return
        self._draw_gradient(surface, camera)
        if self._stars:
            self._draw_stars(surface, camera, time)
        for direction, sprite, flags in self._bodies:
            pixel, depth = camera.project(camera.position + 1e4 * direction)
            if depth > 0.0:
                x, y = int(pixel[0]) - sprite.get_width() // 2, int(pixel[1])
                surface.blit(sprite, (x, y - sprite.get_height() // 2), special_flags=flags)
        if not self._space and self._cover.clouds:
            self._draw_clouds(surface, camera, time)

    def _draw_gradient(self, surface: pygame.Surface, camera: Camera) -> None:
        width, height = camera.size
        horizon = int(np.ceil(height / 2 + camera.focal_px * np.tan(camera.pitch)))
        tall = int(GRADIENT_TOP * height)
        if self._gradient.get_size() != (width, tall):
            share = np.linspace(1.0, 0.0, tall)[:, None]
            zenith, middle, low = self._colors
            color = np.where(
                share > 0.4,
                middle + (zenith - middle) * (share - 0.4) / 0.6,
                low + (middle - low) * share / 0.4,
            )
            # An ordered dither of half a level hides the steps of the gradient.
            offset = (np.array([[0.0, 0.5], [0.75, 0.25]])[:, None, :, None]).reshape(2, 2)
            dither = np.tile(offset, (width // 2 + 1, tall // 2 + 1))[:width, :tall, None]
            image = pygame.Surface((width, tall), 0, surface)
            pixels = pygame.surfarray.pixels3d(image)
            pixels[:] = np.clip(color[None] + dither, 0, 255).astype(np.uint8)
            del pixels
            self._gradient = image
        if horizon <= 0:
            return
        if horizon > tall:
            surface.fill(self._colors[0].astype(int).tolist(), (0, 0, width, horizon - tall))
        surface.blit(self._gradient, (0, horizon - tall))

    def _draw_ceiling(self, surface: pygame.Surface, camera: Camera) -> None:
        hall = self._stage.hall
        assert hall is not None
        width, height = camera.size
        horizon = height / 2 + camera.focal_px * np.tan(camera.pitch)
        bottom = min(height, int(np.ceil(horizon)))
        room = hall.height - camera.position[2]
        if bottom <= 0:
            return
        color = self._light.lit(rgb_array(hall.ceiling), 0.6, 0.0)
        if room <= 0.1:
            surface.fill((color * 0.5).astype(int).tolist(), (0, 0, width, bottom))
            return
        rows = np.arange(0, bottom)
        rays = camera.rays(np.stack([np.full(len(rows), width / 2), rows + 0.5], axis=1))
        distance = room / np.maximum(rays[:, 2], 1e-6)
        tones = self._light.hazed(np.tile(color, (len(rows), 1)), distance).astype(int)
        fill_rows(surface, 0, tones)
        if hall.beams is not None:
            self._draw_beams(surface, camera, hall)

    def _draw_beams(self, surface: pygame.Surface, camera: Camera, hall: Hall) -> None:
        """Draw the beams of a hall, which run along y."""
        x = float(camera.position[0])
        first = int(np.floor((x - BEAM_REACH_M) / hall.beam_every))
        last = int(np.ceil((x + BEAM_REACH_M) / hall.beam_every))
        middle = np.arange(first, last + 1) * hall.beam_every
        quads = np.empty((len(middle), 4, 3))
        quads[:, (0, 3), 0] = (middle - 0.5 * BEAM_M)[:, None]
        quads[:, (1, 2), 0] = (middle + 0.5 * BEAM_M)[:, None]
        quads[:, :2, 1] = camera.position[1] - BEAM_REACH_M
        quads[:, 2:, 1] = camera.position[1] + BEAM_REACH_M
        quads[..., 2] = hall.height
        color = self._light.lit(rgb_array(hall.beams or hall.ceiling), 0.5, 0.0)
        under = self._light.lit(rgb_array(hall.ceiling), 0.6, 0.0)
        n = len(quads)
        draw_polygons(
            surface,
            camera,
            quads.reshape(-1, 3),
            np.full(n, 4),
            np.tile(color, (n, 1)),
            np.tile(under, (n, 1)),
            self._light,
        )

    def _make_stars(self) -> list[tuple[np.ndarray, pygame.Surface, float]]:
        """Stars, each a direction (3,), a sprite and the phase of its flicker."""
        strength = 1.0 if self._space else self._hour.stars * (1.0 - self._cover.share)
        if strength <= 0.02 or self._stage.hall is not None:
            return []
        rng = np.random.default_rng(self._seed % 2**32)
        around = rng.uniform(0.0, 2.0 * np.pi, STARS)
        up = rng.uniform(0.01, 0.95, STARS)
        level = np.sqrt(1.0 - up**2)
        points = np.stack([level * np.cos(around), level * np.sin(around), up], axis=1)
        bright = rng.random(STARS) ** 3
        stars = []
        for point, b in zip(points, bright, strict=True):
            radius = 1 + int(b > 0.25) + int(b > 0.75)
            color = np.array([235.0, 240.0, 255.0]) * strength * (0.35 + 0.65 * b)
            stars.append((point, glow(radius, color, 0.2, 1.0), rng.uniform(0.0, 6.28)))
        return stars

    def _draw_stars(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        points = np.array([star[0] for star in self._stars])
        pixels, depth = camera.project(camera.position + 1e4 * points)
        # Stars flicker in air only.
        phase = np.array([star[2] for star in self._stars])
        shown = np.ones(len(points), bool) if self._space else np.sin(2.2 * time + phase) > -0.92
        inside = (pixels > -4.0).all(axis=1) & (pixels < np.array(camera.size)).all(axis=1)
        corner = np.floor(pixels).astype(int)
        blits = [
            (self._stars[i][1], corner[i].tolist())
            for i in np.flatnonzero(shown & inside & (depth > 0.0)).tolist()
        ]
        surface.fblits(blits, pygame.BLEND_RGB_ADD)

    def _make_bodies(self) -> list[tuple[np.ndarray, pygame.Surface, int]]:
        """Sun, moon or earth, each a direction (3,), a sprite and pygame's blend flag."""
        if self._stage.hall is not None:
            return []
        if self._space:
            return [(_direction(1.32, 0.17), _earth(46), 0)]
        hour = self._hour
        clear = 1.0 - self._cover.share
        if clear < 0.1:
            return []
        where = _direction(hour.bearing, hour.height)
        halo = rgb_array(hour.disc) * (0.16 if hour.stars == 1.0 else 0.34) * clear
        size = 150 if hour.stars == 1.0 else 300
        bodies = [(where, glow(size, halo, 0.05, 2.2), pygame.BLEND_RGB_ADD)]
        if clear > 0.5:
            bodies.append((where, disc(26, rgb_array(hour.disc)), 0))
            if hour.stars == 1.0:
                shade = rgb_array(hour.disc) * 0.88
                for x, y, radius in ((0.008, 0.004, 6), (-0.007, -0.006, 5), (-0.004, 0.009, 3)):
                    spot = _direction(hour.bearing + x, hour.height + y)
                    bodies.append((spot, disc(radius, shade), 0))
        return bodies

    def _build_clouds(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of clouds (N, 3) m before any wind, and their uniform numbers (N, 5)."""
        ix, iy = cells_around(centre, CLOUD_CELL_M, CLOUD_FAR_M + CLOUD_CELL_M)
        uniform = cell_uniforms(ix, iy, self._seed + 1, 5)
        keep = uniform[:, 2] < self._cover.clouds
        ix, iy, uniform = ix[keep], iy[keep], uniform[keep]
        points = np.empty((len(ix), 3))
        points[:, 0] = (ix + uniform[:, 0]) * CLOUD_CELL_M
        points[:, 1] = (iy + uniform[:, 1]) * CLOUD_CELL_M
        points[:, 2] = 240.0 + 260.0 * uniform[:, 3]
        return points, uniform

    def _draw_clouds(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        self._clouds.fit(camera.size)
        self._masters.fit(camera.size)
        wind = np.array([*(CLOUD_WIND * time), 0.0])
        eye = camera.position - wind
        points, uniform = self._tiles.at(float(eye[0]), float(eye[1]))
        pixels, depth = camera.project(points + wind)
        wide = (160.0 + 260.0 * uniform[:, 4]) * camera.focal_px / np.maximum(depth, 300.0)
        beside = np.abs(pixels[:, 0] - camera.size[0] / 2) - camera.size[0] / 2
        seen = np.flatnonzero((depth > 500.0) & (depth < CLOUD_FAR_M) & (beside < wide / 2))
        seen = seen[np.argsort(-depth[seen], kind="stable")]
        steps = np.maximum(2, np.rint(np.log(np.maximum(wide[seen], 8.0)) * CLOUD_STEP))
        columns = (
            uniform[seen, 3] * CLOUD_SHAPES,
            steps,
            np.minimum(3, depth[seen] / CLOUD_FAR_M * 4.0),
        )
        keys = np.array(columns).T.astype(int).tolist()
        # A cloud wider than the picture is stretched from one that is as wide.
        widest = int(np.log(camera.size[0]) * CLOUD_STEP)
        make = self._cloud if camera.focal <= FOCAL else self._scaled_cloud
        blits = []
        for (x, y), key in zip(pixels[seen].astype(int).tolist(), keys, strict=True):
            shape, step, haze = key
            sprite = self._clouds.get((shape, min(step, widest), haze), make).surface
            if step <= widest:
                blits.append((sprite, (x - sprite.get_width() // 2, y - sprite.get_height())))
                continue
            across = float(np.exp(step / CLOUD_STEP))
            room = across, across * sprite.get_height() / sprite.get_width()
            large = stretched(sprite, (x - room[0] / 2, y - room[1]), room, camera.size)
            if large is not None:
                blits.append(large)
        surface.fblits(blits)

    def _scaled_cloud(self, key: tuple[int, int, int]) -> Sprite:
        """``_cloud``, scaled from a larger one that serves several steps."""
        shape, step, haze = key
        master = -(-step // COARSE_STEPS) * COARSE_STEPS
        large = self._masters.get((shape, master, haze), self._cloud).surface
        wide = max(6, int(np.exp(step / CLOUD_STEP)))
        return Sprite(pygame.transform.smoothscale(large, (wide, wide // 3)))

    def _cloud(self, key: tuple[int, int, int]) -> Sprite:
        """Cloud of a shape, a step of width and a step of haze."""
        shape, step, haze = key
        bright = np.array(self._hour.sun) + np.array(self._hour.ambient)
        dim = 1.0 - 0.25 * self._cover.share
        lit = np.clip(rgb_array("#ffffff") * bright * 0.97 * dim, 0, 255)
        base = lit * 0.86 + 0.10 * self._colors[1]
        veil = self._colors[2] - lit
        lit = lit + veil * 0.12 * haze
        base = np.clip(base, 0, 255) + (self._colors[2] - np.clip(base, 0, 255)) * 0.15 * haze
        return Sprite(cloud(shape, max(6, int(np.exp(step / CLOUD_STEP))), lit, base))


def _direction(bearing: float, height: float) -> np.ndarray:
    """Unit vector (3,) at a bearing and a height in rad."""
    return np.array(
        [np.cos(bearing) * np.cos(height), np.sin(bearing) * np.cos(height), np.sin(height)]
    )


def _earth(radius: int) -> pygame.Surface:
    """Sprite of the earth, part of it in the dark."""
    big = radius * 4
    image = pygame.Surface((2 * big, 2 * big), pygame.SRCALPHA)
    pygame.draw.circle(image, (64, 128, 214), (big, big), big)
    for x, y, w, h, color in (
        (0.5, 0.35, 0.5, 0.42, (104, 168, 92)),
        (0.95, 0.75, 0.42, 0.62, (126, 170, 92)),
        (1.35, 0.3, 0.5, 0.34, (150, 172, 104)),
        (0.2, 1.1, 0.4, 0.3, (104, 168, 92)),
        (0.7, 0.02, 0.6, 0.18, (238, 244, 250)),
        (0.3, 0.75, 0.9, 0.09, (236, 243, 250)),
        (0.9, 1.35, 0.8, 0.1, (236, 243, 250)),
        (0.6, 1.8, 0.8, 0.2, (238, 244, 250)),
    ):
        pygame.draw.ellipse(image, color, (x * big, y * big, w * big, h * big))
    pixels = pygame.surfarray.pixels3d(image)
    alpha = pygame.surfarray.pixels_alpha(image)
    axis = (np.arange(2 * big) - big + 0.5) / big
    away = np.hypot(axis[:, None], axis[None, :])
    lit = np.clip(1.15 - np.hypot(axis[:, None] + 0.35, axis[None, :] + 0.2) ** 3 * 0.75, 0.12, 1.0)
    pixels[:] = (pixels * lit[..., None]).astype(np.uint8)
    alpha[:] = np.where(away <= 1.0, 255, 0)
    del pixels, alpha
    return pygame.transform.smoothscale(image, (2 * radius, 2 * radius))
