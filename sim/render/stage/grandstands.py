"""Walls along lines, and stands with a crowd: cut into sections, seen from their front only."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light, clip_polygon
from sim.render.geometry.shapes import rgb
from sim.render.geometry.sprites import spectator
from sim.render.stage.stage_file import StageFile, Stand, Wall
from sim.render.stage.tiling import chances

SECTION_M = 14.0
PERSON_M = 0.50
"""Width of a spectator's shoulders."""
LARGEST_PERSON_PX = 40
FEWER_BELOW_PX = 6.0
"""Where people are smaller than this, half of them are left out, then two of three."""
LIP_PX = 14.0
"""Risers between rows are left out where a metre has fewer pixels."""
SHIRTS = ("#d9534a", "#f0c95a", "#4d8fd1", "#f3f1ea", "#5aa776", "#e58a45", "#8d6bb3", "#3d4d63")
SKINS = ("#f0cfae", "#c68f63", "#8a5a3c")


@dataclass(slots=True, eq=False)
class _Section:
    """A few metres of wall or stand."""

    faces: np.ndarray  # (F, 4, 3) m, the farthest back first, the front last
    normal: np.ndarray  # (F, 3) outward; what turns its back is not drawn
    color: np.ndarray  # (F, 3) 0..255 in this light, before haze
    centre: np.ndarray  # (3,) m
    radius: float  # m
    people: np.ndarray  # (P, 3) m, back rows first
    look: np.ndarray  # (P,) index in shirts x skins
    phase: np.ndarray  # (P,) rad
    lip: np.ndarray  # (F,) bool, a riser: drawn only near by


@dataclass(slots=True, eq=False)
class Seen:
    """What one camera sees of a section."""

    section: _Section
    depth: float  # m
    faces: list[tuple[list[int], list]]  # colour and outline in pixels
    people: list[tuple[pygame.Surface, list[int]]] = field(default_factory=list)
    order: float = 0.0  # m, the deeper ones are drawn first


class Grandstands:
    """All walls and stands of a stage."""

    def __init__(self, stage: StageFile, light: Light, seed: int) -> None:
        self._light = light
        self._sections: list[_Section] = []
        for wall in stage.walls:
            self._sections += [self._wall(wall, a, b) for a, b in sections(wall.line)]
        for number, stand in enumerate(stage.stands):
            for k, (ends, outward) in enumerate(mitred(stand.line)):
                self._sections.append(self._stand(stand, ends, outward, seed + 1009 * number + k))
        # People by their width in pixels and their look; made when first seen.
        self._sprites = np.empty((LARGEST_PERSON_PX + 1, len(SHIRTS) * len(SKINS)), object)
        self._centres = np.array([s.centre for s in self._sections]).reshape(-1, 3)
        self._lip = np.concatenate([s.lip for s in self._sections] or [np.zeros(0, bool)])
        self._radii = np.array([s.radius for s in self._sections])
        if self._sections:
            counts = [len(s.faces) for s in self._sections]
            self._owner = np.repeat(np.arange(len(counts)), counts)
            self._faces = np.concatenate([s.faces for s in self._sections])
            self._normals = np.concatenate([s.normal for s in self._sections])
            self._colors = np.concatenate([s.color for s in self._sections])
            self._fronts = np.cumsum(counts) - 1
            self._seated = np.array([s.lip.any() for s in self._sections])

    def _lit(self, color: str, normal: np.ndarray) -> np.ndarray:
        level = 0.5 + 0.5 * float(normal @ self._light.direction)
        return self._light.lit(np.array(rgb(color), float), level, 0.0)

    def _section(
        self,
        faces: list[tuple[np.ndarray, str]],
        people: np.ndarray,
        look: np.ndarray,
        phase: np.ndarray,
        lips: int = 0,
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
            lip=(np.arange(len(faces)) >= len(faces) - 1 - lips)
            & (np.arange(len(faces)) < len(faces) - 1),
        )

    def _wall(self, wall: Wall, a: np.ndarray, b: np.ndarray) -> _Section:
        none = np.zeros(0)
        faces = [(_upright(a, b, wall.bottom, wall.top), wall.color)]
        if wall.cap is not None:
            faces.append((_upright(a, b, wall.top - 0.08 * (wall.top - wall.bottom), wall.top),
                          wall.cap))  # fmt: skip
        return self._section(faces, np.zeros((0, 3)), none.astype(int), none)

    def _stand(self, stand: Stand, ends: np.ndarray, outward: np.ndarray, seed: int) -> _Section:
        """ends, outward: (2, 2) m, of its front row and from there one metre back, see mitred."""
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
            lip = 0.22 * stand.rise * 4
            faces.append((_upright(near[0], near[1], z, z + lip), stand.wall))
        faces.append((_upright(a, b, 0.0, stand.base), stand.wall))
        length = float(np.linalg.norm(b - a))
        seats = max(1, int(length / stand.spacing))
        row, seat = np.meshgrid(np.arange(stand.rows)[::-1], np.arange(seats), indexing="ij")
        row, seat = row.ravel(), seat.ravel()
        chance = chances(row, seat, seed, 5)
        taken = chance[:, 0] < stand.fill
        row, seat, chance = row[taken], seat[taken], chance[taken]
        people = np.empty((len(row), 3))
        share = ((seat + 0.5 + 0.3 * (chance[:, 1] - 0.5)) / seats)[:, None]
        back = ((row + 0.5) * stand.step)[:, None]
        people[:, :2] = (1.0 - share) * (a + back * outward[0]) + share * (b + back * outward[1])
        people[:, 2] = stand.base + (row + 0.5) * stand.rise + 0.75
        looks = len(SHIRTS) * len(SKINS)
        look = (chance[:, 2] * looks).astype(int)
        lips = len(range(0, stand.rows, 4))
        return self._section(faces, people, look, chance[:, 3] * 2.0 * np.pi, lips)

    def sections(self, camera: Camera, time: float) -> list[Seen]:
        """Every section in view, the deepest last."""
        if not self._sections:
            return []
        eye = camera.position
        middles, depths = camera.project(self._centres)
        half = camera.size[0] / 2
        wide = self._radii * camera.focal_px / np.maximum(depths, 1.0)
        near = (np.abs(middles[:, 0] - half) < half + wide) & (depths > 0.0)
        near |= np.linalg.norm(self._centres - eye, axis=1) < self._radii
        # Cut into sections, a stand and a wall before it are told apart by the stand's far end and
        # the wall's near end, from whichever side they are seen.
        ends = camera.project(self._faces[self._fronts][:, :2])[1]
        order = np.where(self._seated, ends.max(axis=1), ends.min(axis=1))
        facing = np.einsum("ij,ij->i", self._normals, eye - self._faces[:, 0]) > 0.0
        # From behind or within one looks through a section: its front must face the camera.
        facing &= facing[self._fronts][self._owner]
        chosen = np.flatnonzero(facing & near[self._owner])
        if len(chosen) == 0:
            return []
        pixels, far = camera.project(self._faces[chosen])
        rough = ((far < NEAR_M).any(axis=1) | (np.abs(pixels) > 5000.0).any(axis=(1, 2))).tolist()
        owner = self._owner[chosen]
        colors = self._light.hazed(self._colors[chosen], np.maximum(depths[owner], 0.0))
        outlines, tones = (pixels - 0.5).tolist(), colors.astype(int).tolist()
        seen: dict[int, Seen] = {}
        fine = self._lip[chosen] & (camera.focal_px < LIP_PX * depths[owner])
        for i, section in enumerate(owner.tolist()):
            if fine[i]:
                continue
            if section not in seen:
                seen[section] = Seen(self._sections[section], float(depths[section]), [])
                seen[section].order = float(order[section])
            face = int(chosen[i])
            shape = clip_polygon(camera, self._faces[face]) if rough[i] else outlines[i]
            if len(shape) > 2:
                seen[section].faces.append((tones[i], shape))
        # Of neighbours in a row the one farther aside reaches behind the other's risers.
        aside = np.linalg.norm(self._centres - eye, axis=1)
        rows = sorted(seen, key=lambda k: (round(seen[k].order, 2), float(aside[k])))
        found = [seen[k] for k in rows]
        self._seat(camera, time, found)
        return found

    def draw(self, surface: pygame.Surface, seen: Seen) -> None:
        """Draw a section with its people."""
        for tone, shape in seen.faces:
            pygame.draw.polygon(surface, tone, shape)
        surface.fblits(seen.people)

    def _seat(self, camera: Camera, time: float, found: list[Seen]) -> None:
        """Work out where the people of all sections are on the screen, in one go."""
        full = [seen for seen in found if len(seen.section.people)]
        if not full:
            return
        wide = [PERSON_M * camera.focal_px / max(seen.depth, 4.0) for seen in full]
        steps = [3 if w < 0.6 * FEWER_BELOW_PX else 2 if w < FEWER_BELOW_PX else 1 for w in wide]
        people = np.concatenate(
            [seen.section.people[::k] for seen, k in zip(full, steps, strict=True)]
        )
        phase = np.concatenate(
            [seen.section.phase[::k] for seen, k in zip(full, steps, strict=True)]
        )
        look = np.concatenate([seen.section.look[::k] for seen, k in zip(full, steps, strict=True)])
        counts = [len(seen.section.people[::k]) for seen, k in zip(full, steps, strict=True)]
        owner = np.repeat(np.arange(len(full)), counts)
        px = np.clip(np.round(wide), 2, LARGEST_PERSON_PX)[owner]
        excited = np.sin(0.7 * time + 3.0 * phase) > 0.35
        people[:, 2] += 0.13 * excited * np.abs(np.sin(5.0 * time + phase))
        pixels, depth = camera.project(people)
        x, y = pixels[:, 0], pixels[:, 1]
        width, height = camera.size
        inside = (depth > 1.0) & (x > -px) & (x < width + px) & (y > -px) & (y < height + 2.0 * px)
        corner = np.stack([x - 0.5 * px, y - 0.7 * px], axis=1)[inside].astype(int).tolist()
        ends = np.cumsum(np.bincount(owner[inside], minlength=len(full))).tolist()
        for size in np.unique(px).astype(int).tolist():
            if self._sprites[size, 0] is None:
                for number, sprite in enumerate(self._people(size)):
                    self._sprites[size, number] = sprite
        pictures = self._sprites[px[inside].astype(int), look[inside]].tolist()
        seats = list(zip(pictures, corner, strict=True))
        first = 0
        for seen, last in zip(full, ends, strict=True):
            seen.people = seats[first:last]
            first = last

    def _people(self, px: int) -> list[pygame.Surface]:
        # The mean haze of a stadium serves all sections: sprites are per size, and a size is a
        # distance.
        away = PERSON_M * 1152.0 / px
        return [
            spectator(
                self._light.lit(np.array(rgb(shirt), float), 0.7, away),
                self._light.lit(np.array(rgb(skin), float), 0.7, away),
                px,
            )
            for shirt in SHIRTS
            for skin in SKINS
        ]


def sections(line: list[tuple[float, float]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The line cut into pieces of at most SECTION_M."""
    points = np.array(line, float)
    pieces = []
    for a, b in itertools.pairwise(points):
        count = max(1, int(np.ceil(np.linalg.norm(b - a) / SECTION_M)))
        cuts = [a + (b - a) * k / count for k in range(count + 1)]
        pieces += list(itertools.pairwise(cuts))
    return pieces


def mitred(line: list[tuple[float, float]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The line in sections, each its ends (2, 2) m and what is one metre behind each end.

    Behind is left of the line. Where the line bends, neighbours share that corner too, so that
    rows behind it neither gape nor overlap.
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
    """A wall from a to b that faces the right-hand side of the line."""
    return np.array([[*a, bottom], [*b, bottom], [*b, top], [*a, top]])


def _slope(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, low: float, high: float
) -> np.ndarray:
    """A slope with a, b at its lower and c, d at its upper height."""
    return np.array([[*a, low], [*b, low], [*c, high], [*d, high]])
