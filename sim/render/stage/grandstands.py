"""Walls along lines and grandstands with a crowd, in sections seen from the front only."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.polygons import clip_polygon
from sim.render.geometry.shapes import rgb_array
from sim.render.geometry.sprites import spectator
from sim.render.stage.stage_file import StageFile, Stand, Wall
from sim.render.stage.tiling import cell_uniforms

SECTION_M = 14.0
"""Longest section, so that sections can be ordered by depth."""
PERSON_M = 0.50
"""Width of a spectator's shoulders."""
LARGEST_PERSON_PX = 40
FEWER_BELOW_PX = 6.0
"""Spectators smaller than this: half of them are left out; below 0.6 of it, two of three."""
RISER_PX = 14.0
"""Risers between rows are not drawn where a metre has fewer pixels."""
SHIRTS = ("#d9534a", "#f0c95a", "#4d8fd1", "#f3f1ea", "#5aa776", "#e58a45", "#8d6bb3", "#3d4d63")
SKINS = ("#f0cfae", "#c68f63", "#8a5a3c")


@dataclass(slots=True, eq=False)
class _Section:
    """A section of a wall or a stand: F faces and P people."""

    faces: np.ndarray  # (F, 4, 3) m, from the rearmost to the front
    normal: np.ndarray  # (F, 3) outward; faces turned away are not drawn
    color: np.ndarray  # (F, 3) 0..255 in this light, before haze
    centre: np.ndarray  # (3,) m
    radius: float  # m
    people: np.ndarray  # (P, 3) m, back rows first
    look: np.ndarray  # (P,) index in SHIRTS x SKINS
    phase: np.ndarray  # (P,) rad
    riser: np.ndarray  # (F,) bool, is a riser, which is drawn only near by


@dataclass(slots=True, eq=False)
class VisibleSection:
    """A section in view of one camera."""

    section: _Section
    depth: float  # m
    faces: list[tuple[list[int], list]]  # colour and outline in pixels
    people: list[tuple[pygame.Surface, list[int]]] = field(default_factory=list)
    order: float = 0.0  # m, the deeper ones are drawn first

    def draw(self, surface: pygame.Surface) -> None:
        """Draw the section with its spectators."""
        for color, shape in self.faces:
            pygame.draw.polygon(surface, color, shape)
        surface.fblits(self.people)


class Grandstands:
    """All walls and stands of a stage in one light."""

    def __init__(self, stage: StageFile, light: Light, seed: int) -> None:
        self._light = light
        self._sections: list[_Section] = []
        for wall in stage.walls:
            self._sections += [self._wall_section(wall, a, b) for a, b in sections(wall.line)]
        for number, stand in enumerate(stage.stands):
            for k, (ends, outward) in enumerate(mitred(stand.line)):
                self._sections.append(
                    self._stand_section(stand, ends, outward, seed + 1009 * number + k)
                )
        # Spectators by width in pixels and look; made when first needed.
        self._sprites = np.empty((LARGEST_PERSON_PX + 1, len(SHIRTS) * len(SKINS)), object)
        self._centres = np.array([s.centre for s in self._sections]).reshape(-1, 3)
        self._riser = np.concatenate([s.riser for s in self._sections] or [np.zeros(0, bool)])
        self._radii = np.array([s.radius for s in self._sections])
        if self._sections:
            counts = [len(s.faces) for s in self._sections]
            self._owner = np.repeat(np.arange(len(counts)), counts)
            self._faces = np.concatenate([s.faces for s in self._sections])
            self._normals = np.concatenate([s.normal for s in self._sections])
            self._colors = np.concatenate([s.color for s in self._sections])
            self._fronts = np.cumsum(counts) - 1
            self._is_stand = np.array([s.riser.any() for s in self._sections])

    def _lit(self, color: str, normal: np.ndarray) -> np.ndarray:
        level = 0.5 + 0.5 * float(normal @ self._light.direction)
        return self._light.lit(rgb_array(color), level, 0.0)

    def _make_section(
        self,
        faces: list[tuple[np.ndarray, str]],
        people: np.ndarray,
        look: np.ndarray,
        phase: np.ndarray,
        risers: int = 0,
    ) -> _Section:
        quads = np.array([face for face, _ in faces])
        normal = np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0])
        normal /= np.linalg.norm(normal, axis=1)[:, None]
        corners = quads.reshape(-1, 3)
        centre = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
        return _Section(
            faces=quads,
            normal=normal,
            color=np.array(
                [self._lit(color, n) for (_, color), n in zip(faces, normal, strict=True)]
            ),
            centre=centre,
            radius=float(np.linalg.norm(corners - centre, axis=1).max()),
            people=people,
            look=look,
            phase=phase,
            riser=(np.arange(len(faces)) >= len(faces) - 1 - risers)
            & (np.arange(len(faces)) < len(faces) - 1),
        )

    def _wall_section(self, wall: Wall, a: np.ndarray, b: np.ndarray) -> _Section:
        none = np.zeros(0)
        faces = [(_upright(a, b, wall.bottom, wall.top), wall.color)]
        if wall.cap is not None:
            faces.append((_upright(a, b, wall.top - 0.08 * (wall.top - wall.bottom), wall.top),
                          wall.cap))  # fmt: skip
        return self._make_section(faces, np.zeros((0, 3)), none.astype(int), none)

    def _stand_section(
        self, stand: Stand, ends: np.ndarray, outward: np.ndarray, seed: int
    ) -> _Section:
        """A section of a stand; ends, outward: (2, 2) m, an item of ``mitred``."""
        a, b = ends
        deep, rise = stand.rows * stand.step, stand.rows * stand.rise
        top = stand.base + rise
        far_a, far_b = ends + deep * outward
        faces = []
        if stand.roof:
            eaves = top + 5.5
            over_a, over_b = ends + 0.25 * deep * outward
            faces.append((_upright(far_a, far_b, top, eaves), stand.wall))
            faces.append((_slope(over_b, over_a, far_a, far_b, eaves + 0.9, eaves), "#3f4a55"))
        elif stand.back:
            faces.append((_upright(far_a, far_b, top, top + stand.back), stand.wall))
        faces.append((_slope(a, b, far_b, far_a, stand.base, top), stand.seats))
        for k in range(0, stand.rows, 4):
            near = ends + k * stand.step * outward
            z = stand.base + k * stand.rise
            riser = 0.22 * stand.rise * 4
            faces.append((_upright(near[0], near[1], z, z + riser), stand.wall))
        faces.append((_upright(a, b, 0.0, stand.base), stand.wall))
        length = float(np.linalg.norm(b - a))
        seats = max(1, int(length / stand.spacing))
        row, seat = np.meshgrid(np.arange(stand.rows)[::-1], np.arange(seats), indexing="ij")
        row, seat = row.ravel(), seat.ravel()
        uniform = cell_uniforms(row, seat, seed, 5)
        taken = uniform[:, 0] < stand.fill
        row, seat, uniform = row[taken], seat[taken], uniform[taken]
        people = np.empty((len(row), 3))
        share = ((seat + 0.5 + 0.3 * (uniform[:, 1] - 0.5)) / seats)[:, None]
        back = ((row + 0.5) * stand.step)[:, None]
        people[:, :2] = (1.0 - share) * (a + back * outward[0]) + share * (b + back * outward[1])
        people[:, 2] = stand.base + (row + 0.5) * stand.rise + 0.75
        looks = len(SHIRTS) * len(SKINS)
        look = (uniform[:, 2] * looks).astype(int)
        risers = len(range(0, stand.rows, 4))
        return self._make_section(faces, people, look, uniform[:, 3] * 2.0 * np.pi, risers)

    def sections(self, camera: Camera, time: float) -> list[VisibleSection]:
        """Every section in view, the nearest first."""
        if not self._sections:
            return []
        eye = camera.position
        middles, depths = camera.project(self._centres)
        half = camera.size[0] / 2
        wide = self._radii * camera.focal_px / np.maximum(depths, 1.0)
        near = (np.abs(middles[:, 0] - half) < half + wide) & (depths > 0.0)
        near |= np.linalg.norm(self._centres - eye, axis=1) < self._radii
        # A stand counts with its far end and a wall with its near end, so that a wall is drawn
        # after the stand behind it, from whichever side they are seen.
        ends = camera.project(self._faces[self._fronts][:, :2])[1]
        order = np.where(self._is_stand, ends.max(axis=1), ends.min(axis=1))
        facing = np.einsum("ij,ij->i", self._normals, eye - self._faces[:, 0]) > 0.0
        # A camera behind or within a section looks through it: its front must face the camera.
        facing &= facing[self._fronts][self._owner]
        chosen = np.flatnonzero(facing & near[self._owner])
        if len(chosen) == 0:
            return []
        pixels, far = camera.project(self._faces[chosen])
        rough = ((far < NEAR_M).any(axis=1) | (np.abs(pixels) > 5000.0).any(axis=(1, 2))).tolist()
        owner = self._owner[chosen]
        colors = self._light.hazed(self._colors[chosen], np.maximum(depths[owner], 0.0))
        outlines, tones = (pixels - 0.5).tolist(), colors.astype(int).tolist()
        seen: dict[int, VisibleSection] = {}
        too_small = self._riser[chosen] & (camera.focal_px < RISER_PX * depths[owner])
        for i, section in enumerate(owner.tolist()):
            if too_small[i]:
                continue
            if section not in seen:
                seen[section] = VisibleSection(self._sections[section], float(depths[section]), [])
                seen[section].order = float(order[section])
            face = int(chosen[i])
            shape = clip_polygon(camera, self._faces[face]) if rough[i] else outlines[i]
            if len(shape) > 2:
                seen[section].faces.append((tones[i], shape))
        # Of neighbours at one depth the one farther from the camera is behind the other's risers.
        aside = np.linalg.norm(self._centres - eye, axis=1)
        rows = sorted(seen, key=lambda k: (round(seen[k].order, 2), float(aside[k])))
        visible = [seen[k] for k in rows]
        self._place_people(camera, time, visible)
        return visible

    def _place_people(self, camera: Camera, time: float, visible: list[VisibleSection]) -> None:
        """Set where the spectators of all sections are on the screen, at once for all."""
        crowded = [seen for seen in visible if len(seen.section.people)]
        if not crowded:
            return
        wide = [PERSON_M * camera.focal_px / max(seen.depth, 4.0) for seen in crowded]
        steps = [3 if w < 0.6 * FEWER_BELOW_PX else 2 if w < FEWER_BELOW_PX else 1 for w in wide]
        people = np.concatenate(
            [seen.section.people[::k] for seen, k in zip(crowded, steps, strict=True)]
        )
        phase = np.concatenate(
            [seen.section.phase[::k] for seen, k in zip(crowded, steps, strict=True)]
        )
        look = np.concatenate(
            [seen.section.look[::k] for seen, k in zip(crowded, steps, strict=True)]
        )
        counts = [len(seen.section.people[::k]) for seen, k in zip(crowded, steps, strict=True)]
        owner = np.repeat(np.arange(len(crowded)), counts)
        px = np.clip(np.round(wide), 2, LARGEST_PERSON_PX)[owner]
        excited = np.sin(0.7 * time + 3.0 * phase) > 0.35
        people[:, 2] += 0.13 * excited * np.abs(np.sin(5.0 * time + phase))
        pixels, depth = camera.project(people)
        x, y = pixels[:, 0], pixels[:, 1]
        width, height = camera.size
        inside = (depth > 1.0) & (x > -px) & (x < width + px) & (y > -px) & (y < height + 2.0 * px)
        corner = np.stack([x - 0.5 * px, y - 0.7 * px], axis=1)[inside].astype(int).tolist()
        ends = np.cumsum(np.bincount(owner[inside], minlength=len(crowded))).tolist()
        for size in np.unique(px).astype(int).tolist():
            if self._sprites[size, 0] is None:
                for number, sprite in enumerate(self._person_sprites(size)):
                    self._sprites[size, number] = sprite
        sprites = self._sprites[px[inside].astype(int), look[inside]].tolist()
        seats = list(zip(sprites, corner, strict=True))
        first = 0
        for seen, last in zip(crowded, ends, strict=True):
            seen.people = seats[first:last]
            first = last

    def _person_sprites(self, px: int) -> list[pygame.Surface]:
        # Haze goes by size alone, as the size of a sprite tells its distance (at 720 px height).
        away = PERSON_M * 1152.0 / px
        return [
            spectator(
                self._light.lit(rgb_array(shirt), 0.7, away),
                self._light.lit(rgb_array(skin), 0.7, away),
                px,
            )
            for shirt in SHIRTS
            for skin in SKINS
        ]


def sections(line: list[tuple[float, float]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The ends (2,), (2,) m of the pieces of a line, each at most SECTION_M long."""
    points = np.array(line, float)
    pieces = []
    for a, b in itertools.pairwise(points):
        count = max(1, int(np.ceil(np.linalg.norm(b - a) / SECTION_M)))
        cuts = [a + (b - a) * k / count for k in range(count + 1)]
        pieces += list(itertools.pairwise(cuts))
    return pieces


def mitred(line: list[tuple[float, float]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sections of a line, each its ends (2, 2) m and the ways (2, 2) m from there one metre back.

    Back is left of the line. Where the line bends, neighbours go back along the same mitre, so that
    the rows behind neither gape nor overlap.
    """
    points = np.array(line, float)
    along = np.diff(points, axis=0)
    left = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]
    before, after = np.vstack([left[:1], left]), np.vstack([left, left[-1:]])
    if np.allclose(points[0], points[-1]):
        before[0], after[-1] = left[-1], left[0]
    corner = (before + after) / (1.0 + (before * after).sum(axis=1))[:, None]
    pieces = []
    for i, (a, b) in enumerate(itertools.pairwise(points)):
        cuts = sections([a, b])
        for k, ends in enumerate(cuts):
            first = corner[i] if k == 0 else left[i]
            last = corner[i + 1] if k == len(cuts) - 1 else left[i]
            pieces.append((np.array(ends), np.array([first, last])))
    return pieces


def _upright(a: np.ndarray, b: np.ndarray, bottom: float, top: float) -> np.ndarray:
    """An upright face (4, 3) m from a to b that faces the right-hand side of the line."""
    return np.array([[*a, bottom], [*b, bottom], [*b, top], [*a, top]])


def _slope(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, low: float, high: float
) -> np.ndarray:
    """A sloped face (4, 3) m with a, b at the lower and c, d at the upper height."""
    return np.array([[*a, low], [*b, low], [*c, high], [*d, high]])
