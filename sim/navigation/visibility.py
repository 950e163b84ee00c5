"""Shortest ways round obstacles, by a visibility graph.

Obstacles are boxes and discs on the ground. A way leads over the corners of their footprints,
grown by the walker's radius and the clearance it leaves (Lozano-Pérez & Wesley 1979,
Communications of the ACM 22), and is found by A*; edges are tested only when a node is opened.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np

from sim.world import on_ground

DISC_CORNERS = 10
"""Corners of the polygon round a disc that ways lead along; its sides touch the disc."""
REGION_M = 30.0
"""m beyond the two ends of a way within which obstacles are considered."""
MOST_OBSTACLES = 80
"""Of more obstacles than this only those nearest to the middle of the way are considered."""
GROWING_STEPS = 3
"""A search starts with the obstacles on the straight line, and this many times adds those on the
way it found; then it takes all."""
HAIR_M = 1e-3
"""m, tolerance by which a walker may graze an obstacle."""


@dataclass(frozen=True, slots=True, eq=False)
class Obstacles:
    """O footprints on the ground."""

    entity: np.ndarray  # (O,) ids
    centre: np.ndarray  # (O, 2) m
    axis: np.ndarray  # (O, 2) unit vectors along the length
    half: np.ndarray  # (O, 2) m, half the length and width; zero for discs
    radius: np.ndarray  # (O,) m of discs; zero for boxes

    def __len__(self) -> int:
        return len(self.entity)

    @property
    def reach(self) -> np.ndarray:
        """Radius (O,) m of the circle round each footprint."""
        return np.hypot(self.half[:, 0], self.half[:, 1]) + self.radius

    def take(self, which: np.ndarray) -> "Obstacles":
        """The obstacles chosen by indices or a mask."""
        return Obstacles(
            self.entity[which],
            self.centre[which],
            self.axis[which],
            self.half[which],
            self.radius[which],
        )

    def local(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 1 or O, 2) m in the axes of each footprint: (..., O, 2) m."""
        x = points[..., 0] - self.centre[:, 0]
        y = points[..., 1] - self.centre[:, 1]
        c, s = self.axis[:, 0], self.axis[:, 1]
        return np.stack([x * c + y * s, y * c - x * s], axis=-1)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Distances (P, O) m of points (P, 2) from each footprint, negative inside."""
        away = np.abs(self.local(points[:, None])) - self.half
        out = np.maximum(away, 0.0)
        inside = np.minimum(np.maximum(away[..., 0], away[..., 1]), 0.0)
        return np.sqrt(out[..., 0] ** 2 + out[..., 1] ** 2) + inside - self.radius

    def touched(self, start: np.ndarray, end: np.ndarray, room: np.ndarray) -> np.ndarray:
        """Whether (S, O) each walk from start (S, 2) to end (S, 2) m comes nearer than ``room``.

        room: (O,) or (S, O) m from the footprint.
        """
        where, way = on_ground(start)[:, None], on_ground(end - start)[:, None]
        size = np.maximum(way.real * way.real + way.imag * way.imag, 1e-12)
        away = on_ground(self.centre) - where
        share = (away * way.conj()).real / size
        away -= np.minimum(np.maximum(share, 0.0), 1.0) * way
        hit = np.abs(away) < np.maximum(room, 0.0) + (self.reach + HAIR_M)
        # Only walks that come into the circle round a footprint need the exact test.
        walk, which = np.nonzero(hit)
        if len(walk):
            room = np.broadcast_to(room, hit.shape)[walk, which]
            hit[walk, which] = self.take(which)._hit(start[walk], end[walk], room)
        return hit

    def _hit(self, start: np.ndarray, end: np.ndarray, room: np.ndarray) -> np.ndarray:
        """Whether (O,) the walk from start (O, 2) to end (O, 2) comes nearer than room (O,) m."""
        a, b, room = self.local(start), self.local(end), room + self.radius
        x, y = self.half[:, 0], self.half[:, 1]
        hit = _crosses(a, b, x + room, y) | _crosses(a, b, x, y + room)
        near = np.full(len(self), np.inf)
        step = b - a
        size = np.maximum((step**2).sum(axis=-1), 1e-12)
        for sx, sy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            gx, gy = a[:, 0] - sx * x, a[:, 1] - sy * y
            u = np.clip(-(gx * step[:, 0] + gy * step[:, 1]) / size, 0.0, 1.0)
            near = np.minimum(near, (gx + u * step[:, 0]) ** 2 + (gy + u * step[:, 1]) ** 2)
        return hit | (near < np.maximum(room, 0.0) ** 2)

    def corners(self, room: np.ndarray) -> np.ndarray:
        """Points (M, 2) m round the footprints, at a distance of ``room`` (O,) m or more."""
        boxes = self.radius == 0.0
        signs = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)], float)
        grown = self.half[boxes] + room[boxes, None]
        points = [_world(self.take(boxes), signs[None] * grown[:, None])]
        if not boxes.all():
            discs = self.take(~boxes)
            turn = 2.0 * math.pi * np.arange(DISC_CORNERS) / DISC_CORNERS
            ring = np.column_stack([np.cos(turn), np.sin(turn)]) / math.cos(math.pi / DISC_CORNERS)
            points.append(_world(discs, ring[None] * (discs.radius + room[~boxes])[:, None, None]))
        return np.concatenate(points)


def _world(obstacles: Obstacles, local: np.ndarray) -> np.ndarray:
    """Points (O, K, 2) in the axes of each footprint as points (O K, 2) m of the world."""
    c, s = obstacles.axis[:, None, 0], obstacles.axis[:, None, 1]
    x = obstacles.centre[:, None, 0] + c * local[..., 0] - s * local[..., 1]
    y = obstacles.centre[:, None, 1] + s * local[..., 0] + c * local[..., 1]
    return np.stack([x, y], axis=-1).reshape(-1, 2)


def _crosses(a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether segments a-b (..., 2) pass through boxes of half sizes x and y (slab method)."""
    first, last = np.zeros(a.shape[:-1]), np.ones(a.shape[:-1])
    step = b - a
    with np.errstate(divide="ignore", invalid="ignore"):
        for i, half in ((0, x), (1, y)):
            one, two = (-half - a[..., i]) / step[..., i], (half - a[..., i]) / step[..., i]
            still = step[..., i] == 0.0
            within = np.abs(a[..., i]) < half
            low = np.where(still, np.where(within, -np.inf, np.inf), np.minimum(one, two))
            high = np.where(still, np.where(within, np.inf, -np.inf), np.maximum(one, two))
            first, last = np.maximum(first, low), np.minimum(last, high)
    return first < last


def find_way(
    obstacles: Obstacles, start: np.ndarray, goal: np.ndarray, radius: float, clearance: float
) -> np.ndarray:
    """The shortest way round the obstacles, as points (K, 2) m without the start.

    It leaves ``clearance`` m beside a walker of ``radius`` m, less where gaps are narrow. If the
    goal cannot be reached, the way ends at the reachable point nearest to it. A walker that
    starts too near to an obstacle can move away from it.
    """
    start, goal = np.asarray(start, float), np.asarray(goal, float)
    best = start[None]
    for share in (1.0, 0.4, 0.1):
        way, aim = _search(obstacles, start, goal, radius, share * clearance)
        if math.dist(way[-1], aim) <= HAIR_M:
            return way
        if math.dist(way[-1], goal) < math.dist(best[-1], goal) - HAIR_M:
            best = way
    return best


def _search(
    obstacles: Obstacles, start: np.ndarray, goal: np.ndarray, radius: float, clearance: float
) -> tuple[np.ndarray, np.ndarray]:
    """The way found with one clearance, and its aim: the goal, or the free point nearest to it."""
    around = _nearby(obstacles, start, goal)
    ends = around.distance(np.stack([start, goal]))
    # A footprint that the walker stands in is no obstacle on the way out of it.
    out = ends[0] > 0.0
    around, ends = around.take(out), ends[:, out]
    room = np.minimum(radius + clearance, ends[0] - HAIR_M)
    room = np.where(ends[1] >= radius, np.minimum(room, ends[1] - HAIR_M), room)
    if (ends[1] < room).any():
        goal = _free_near(around, room, start, goal, float((room - ends[1]).max()))
    met = around.touched(start[None], goal[None], room - 2.0 * HAIR_M)[0]
    for _ in range(GROWING_STEPS):
        way = _shortest(around.take(met), room[met], start, goal)
        starts = np.concatenate([start[None], way[:-1]])
        fresh = around.touched(starts, way, room - 2.0 * HAIR_M).any(axis=0) & ~met
        if not fresh.any():
            return way, goal
        met |= fresh
    return _shortest(around, room, start, goal), goal


def _free_near(
    around: Obstacles, room: np.ndarray, start: np.ndarray, goal: np.ndarray, depth: float
) -> np.ndarray:
    """The free point nearest to a goal inside an obstacle; of two, that on the walker's side."""
    turn = 2.0 * math.pi * np.arange(48) / 48
    far = np.linspace(0.0, 1.5 * depth + 2.0, 60)[:, None]
    x, y = goal[0] + far * np.cos(turn), goal[1] + far * np.sin(turn)
    points = np.column_stack([x.reshape(-1), y.reshape(-1)])
    free = (around.distance(points) >= room).all(axis=1)
    if not free.any():
        return start
    cost = np.repeat(far[:, 0], 48) + 0.1 * np.hypot(*(points - start).T)
    return points[np.where(free, cost, np.inf).argmin()]


def _shortest(
    around: Obstacles, room: np.ndarray, start: np.ndarray, goal: np.ndarray
) -> np.ndarray:
    """The shortest way (K, 2) m over the visibility graph, or to the node nearest to the goal."""
    if len(around) == 0:
        return goal[None]
    corners = around.corners(room + HAIR_M)
    free = (around.distance(corners) >= room - HAIR_M).all(axis=1)
    nodes = np.concatenate([start[None], goal[None], corners[free]])
    left = np.hypot(nodes[:, 0] - goal[0], nodes[:, 1] - goal[1])
    cost = np.full(len(nodes), np.inf)
    came = np.full(len(nodes), -1)
    done = np.zeros(len(nodes), bool)
    cost[0] = 0.0
    queue = [(float(left[0]), 0)]
    while queue:
        _, node = heapq.heappop(queue)
        if done[node]:
            continue
        done[node] = True
        if node == 1:
            break
        rest = np.flatnonzero(~done)
        step = np.hypot(*(nodes[rest] - nodes[node]).T)
        rest = rest[cost[node] + step < cost[rest]]
        if len(rest) == 0:
            continue
        from_here = np.broadcast_to(nodes[node], (len(rest), 2))
        open_ = ~around.touched(from_here, nodes[rest], room - 2.0 * HAIR_M).any(axis=1)
        rest = rest[open_]
        cost[rest] = cost[node] + np.hypot(*(nodes[rest] - nodes[node]).T)
        came[rest] = node
        for other in rest.tolist():
            heapq.heappush(queue, (float(cost[other] + left[other]), other))
    end = 1 if done[1] else int(np.where(done, left, np.inf).argmin())
    way = []
    while end > 0:
        way.append(nodes[end])
        end = int(came[end])
    return np.array(way[::-1]) if way else start[None]


def _nearby(obstacles: Obstacles, start: np.ndarray, goal: np.ndarray) -> Obstacles:
    """The obstacles that are considered for a way from start to goal."""
    middle, span = 0.5 * (start + goal), 0.5 * math.dist(start, goal)
    gap = np.hypot(*(obstacles.centre - middle).T) - obstacles.reach
    chosen = np.flatnonzero(gap < span + REGION_M)
    if len(chosen) > MOST_OBSTACLES:
        chosen = np.sort(chosen[np.argsort(gap[chosen], kind="stable")[:MOST_OBSTACLES]])
    return obstacles.take(chosen)
