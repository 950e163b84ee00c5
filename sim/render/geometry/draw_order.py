"""The order in which the elements of a mesh are drawn: Newell's painter's algorithm.

The order is found once per bin of view directions and kept with the mesh. One face may be drawn
before another if it lies wholly behind the other's plane, or the other wholly in front of its own
(Newell, Newell & Sancha 1972); where the planes decide nothing, the depths are compared where the
two overlap on the screen.
"""

import numpy as np

from sim.render.geometry.shapes import FACE, Mesh

YAW_BINS = 24
PITCH_BINS = 7
SLACK = 1e-4
"""Tolerance in heights: faces that overlap by less do not hide each other."""
EDGE_ON = 0.02
"""A face seen under a smaller sine than this covers no area of the screen."""


def draw_order(mesh: Mesh, eye: np.ndarray) -> list[int]:
    """Element indices from back to front, seen from eye (3,) in the mesh's frame; cached."""
    yaw = int(np.floor(np.arctan2(eye[1], eye[0]) / (2.0 * np.pi) * YAW_BINS))
    slope = np.arctan2(eye[2] - 0.5, np.hypot(eye[0], eye[1])) / np.pi + 0.5
    pitch = min(int(slope * PITCH_BINS), PITCH_BINS - 1)
    order = mesh.draw_orders.get((yaw, pitch))
    if order is None:
        angle = (yaw + 0.5) / YAW_BINS * 2.0 * np.pi
        rise = ((pitch + 0.5) / PITCH_BINS - 0.5) * np.pi
        direction = np.array(
            [np.cos(angle) * np.cos(rise), np.sin(angle) * np.cos(rise), np.sin(rise)]
        )
        order = mesh.draw_orders[yaw, pitch] = painters_order(mesh, direction)
    return order


def painters_order(mesh: Mesh, direction: np.ndarray) -> list[int]:
    """Element indices so that none is drawn after one that hides it; direction (3,) is to the eye.

    Elements that lie on a face directly follow it.
    """
    roots = np.flatnonzero(mesh.parent < 0)
    n = len(roots)
    radius = mesh.radius[roots].max(axis=1)
    counts = np.array([len(mesh.corners[i]) for i in roots])
    widest = counts.max()
    corner = np.array(
        [mesh.corners[i] + (mesh.corners[i][0],) * (widest - len(mesh.corners[i])) for i in roots]
    )
    points = mesh.points[corner]  # (n, widest, 3)
    normal = mesh.normal[roots]
    normal = normal * np.where(normal @ direction < 0.0, -1.0, 1.0)[:, None]
    offset = np.einsum("ij,ij->i", normal, points[:, 0])
    flat = mesh.normal[roots].any(axis=1) & (mesh.kind[roots] == FACE)
    depth = points.mean(axis=1) @ direction
    across = np.cross(direction, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    screen = np.stack([points @ across, points @ np.cross(across, direction)], axis=-1)
    low = screen.min(axis=1) - radius[:, None] + SLACK
    high = screen.max(axis=1) + radius[:, None] - SLACK
    overlap = ((low[:, None] < high[None, :]) & (high[:, None] > low[None, :])).all(axis=2)
    # Faces turned away (but for the slack that perspective asks for) are not drawn.
    shown = mesh.both[roots] | (mesh.normal[roots] @ direction > -0.3)
    overlap &= shown[:, None] & shown[None, :]

    own = points[np.arange(widest) < counts[:, None]]  # every element's corners, without padding
    starts = np.cumsum(counts) - counts
    side = own @ normal.T - offset
    behind = (np.maximum.reduceat(side, starts, axis=0) <= SLACK) & flat
    in_front = (np.minimum.reduceat(side, starts, axis=0) >= -SLACK) & flat
    level = behind & in_front
    allowed = behind | in_front.T  # (i, j): i may be drawn before j
    index = np.arange(n)
    precedes = allowed & ~allowed.T
    precedes |= level & level.T & (index[:, None] < index[None, :])
    undecided = overlap & ~allowed & ~allowed.T & (index[:, None] < index[None, :])
    both_flat = flat[:, None] & flat[None, :]
    i, j = np.nonzero(undecided & ~both_flat)
    i_farther = depth[i] <= depth[j]
    precedes[i[i_farther], j[i_farther]] = True
    precedes[j[~i_farther], i[~i_farther]] = True
    slant = normal @ direction
    plane = np.stack([normal @ across, normal @ np.cross(across, direction), offset], axis=1)

    def compare_depths(i: np.ndarray, j: np.ndarray) -> None:
        # Pairs with equal numbers of corners are compared together, as few outlines have many.
        sizes = np.stack([counts[i], counts[j]], axis=1)
        for a, b in np.unique(sizes, axis=0).tolist():
            same = (sizes == (a, b)).all(axis=1)
            p, q = i[same], j[same]
            gap = overlap_gap(screen[p, :a], screen[q, :b], plane[p], plane[q], slant[p], slant[q])
            precedes[p, q], precedes[q, p] = gap > 0.0, gap < 0.0

    compare_depths(*np.nonzero(undecided & both_flat))
    precedes &= overlap
    in_cycles = _in_cycles(precedes)
    if in_cycles.any():
        # Bounds overlap where the faces do not, which made a cycle: compare the faces themselves.
        close = in_cycles[:, None] & in_cycles & both_flat & ~(level & level.T)
        compare_depths(*np.nonzero((precedes | precedes.T) & close & (index[:, None] < index)))
    return _topological_order(mesh, roots, precedes, depth)


def overlap_gap(
    a: np.ndarray,
    b: np.ndarray,
    plane_a: np.ndarray,
    plane_b: np.ndarray,
    slant_a: np.ndarray,
    slant_b: np.ndarray,
) -> np.ndarray:
    """(K,) how far b is in front of a, summed over the corners of their overlap; 0 without one.

    a: (K, W, 2), b: (K, V, 2) outlines on the screen. plane_a, plane_b: (K, 3) the right and up
    parts of the normal, and the plane's offset. slant_a, slant_b: (K,) the normal's part towards
    the eye.
    """
    corners = np.concatenate([a, b, _crossings(a, b)], axis=1)
    # Corners are pulled in a little, so that faces that merely touch do not count.
    middle_a, middle_b = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    a_in_b = _inside(b, a + 1e-3 * (middle_a - a))
    b_in_a = _inside(a, b + 1e-3 * (middle_b - b))
    known = np.isfinite(corners[:, a.shape[1] + b.shape[1] :]).all(axis=2)
    counts = np.concatenate([a_in_b, b_in_a, known], axis=1)
    counts &= ((np.abs(slant_a) > EDGE_ON) & (np.abs(slant_b) > EDGE_ON))[:, None]
    points = np.where(np.isfinite(corners), corners, 0.0)

    def depth(plane: np.ndarray, slant: np.ndarray) -> np.ndarray:
        steep = np.where(np.abs(slant) > EDGE_ON, slant, 1.0)
        along = points[..., 0] * plane[:, None, 0] + points[..., 1] * plane[:, None, 1]
        return (plane[:, None, 2] - along) / steep[:, None]

    gap = np.where(counts, depth(plane_b, slant_b) - depth(plane_a, slant_a), 0.0)
    return np.where(np.abs(gap) > SLACK, gap, 0.0).sum(axis=1)


def _inside(outline: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(K, P) bool, which points (K, P, 2) lie in the outlines (K, W, 2) by the even-odd rule."""
    start = outline[:, None]
    stop = np.roll(outline, -1, axis=1)[:, None]
    x, y = points[..., None, 0], points[..., None, 1]
    crosses = (start[..., 1] > y) != (stop[..., 1] > y)
    rise = np.where(crosses, stop[..., 1] - start[..., 1], 1.0)
    at = start[..., 0] + (y - start[..., 1]) / rise * (stop[..., 0] - start[..., 0])
    return (crosses & (x < at)).sum(axis=2) % 2 == 1


def _crossings(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(K, W * V, 2) where edges of a (K, W, 2) and b (K, V, 2) cross, nan where they do not."""
    p, q = a[:, :, None], b[:, None]
    r, s = np.roll(a, -1, axis=1)[:, :, None] - p, np.roll(b, -1, axis=1)[:, None] - q
    turn = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    parallel = np.abs(turn) < 1e-9
    turn = np.where(parallel, 1.0, turn)
    away = q - p
    t = (away[..., 0] * s[..., 1] - away[..., 1] * s[..., 0]) / turn
    u = (away[..., 0] * r[..., 1] - away[..., 1] * r[..., 0]) / turn
    edge = 1e-3
    cross = ~parallel & (t > edge) & (t < 1 - edge) & (u > edge) & (u < 1 - edge)
    points = np.where(cross[..., None], p + t[..., None] * r, np.nan)
    return points.reshape(len(a), -1, 2)


def _in_cycles(precedes: np.ndarray) -> np.ndarray:
    """(n,) bool, elements between or in cycles of ``precedes`` (n, n)."""
    remaining = np.ones(len(precedes), bool)
    for side in (precedes, precedes.T):
        while remaining.any():
            free = remaining & ~side[remaining].any(axis=0)
            if not free.any():
                break
            remaining &= ~free
    return remaining


def _topological_order(
    mesh: Mesh, roots: np.ndarray, precedes: np.ndarray, depth: np.ndarray
) -> list[int]:
    """Elements in an order that keeps ``precedes`` (n, n), the deepest of the free ones first.

    Where a cycle leaves none free, the deepest of all that remain is taken.
    """
    children: dict[int, list[int]] = {}
    for i in np.flatnonzero(mesh.parent >= 0).tolist():
        children.setdefault(int(mesh.parent[i]), []).append(i)
    waiting = precedes.sum(axis=0)
    remaining = np.ones(len(roots), bool)
    order: list[int] = []
    for _ in range(len(roots)):
        free = remaining & (waiting == 0)
        candidates = np.flatnonzero(free if free.any() else remaining)
        chosen = candidates[np.argmin(depth[candidates])]
        remaining[chosen] = False
        waiting = waiting - precedes[chosen]
        order.append(int(roots[chosen]))
        order.extend(children.get(int(roots[chosen]), ()))
    return order
