"""Who holds the camera: where it should be, and how it gets there without a jerk.

A shot (mode and followed actor) names a rig for every frame; a critically damped spring follows
the rig; keyframes and the viewer's own hand come on top.
"""

from dataclasses import dataclass

import numpy as np

from entities.scene import CameraKeyframe, CameraMode, CameraPlan
from entities.skeleton import ACTOR_TYPES, HEAD_RADIUS, QUADRUPEDS
from sim.camera.pinhole import Camera
from sim.frame import Cast, Frame

FOCAL = 1.6
"""Picture heights; a long enough lens that figures at the edges keep their proportions."""
SHARE_STANDING, SHARE_SPRINTING = 0.33, 0.26
"""Share of the picture's height that the followed actor takes: room to run when he runs."""
SPRINT_SPEED = 8.0
LEAD_S = 0.12
"""How far ahead of a runner the lens points, as seconds of his running."""
LEAD_SHARE = 0.11
"""Most of that lead, as a share of the picture's width."""
KEEP_SHARE = 0.26
"""Furthest the followed actor may be from the middle, as a share of the width: 0.3 is asked."""
LOOK_HEIGHT = 0.68
"""Where on the actor the lens points, as a share of his stature: more sky than ground."""
FOLLOW_PITCH, FIT_PITCH, ORBIT_PITCH = -0.085, -0.14, -0.16
SWING_RAD = np.radians(30.0)
"""Three-quarter view of somebody who runs away from the viewer or toward him."""
FIT_MARGIN = 0.84
"""Share of the picture that actors may take in ``fit``."""
FIT_SHARE = 0.42
"""Largest share of the height of one actor in ``fit``."""
MIN_WIDTH_M = 5.0
ORBIT_RATE = 0.25
"""rad/s"""
CUT_S = 1.2
"""How long the camera takes from one shot to the next."""
LOWEST_M = 0.3
MOVING_SPEED = 0.3

FOCUS, REACH, YAW, PITCH = slice(0, 3), 3, 4, 5
RATES = np.array([3.2, 3.2, 2.2, 1.8, 1.3, 1.8])
"""1/s, natural frequencies of the spring: focus x, y, z, log distance, yaw, pitch."""


@dataclass(slots=True)
class Hand:
    """What the viewer adds to the camera by hand."""

    right: float = 0.0  # m
    up: float = 0.0  # m
    zoom: float = 1.0
    orbit: float = 0.0  # rad


class Director:
    """Moves the camera of one run. Deterministic; nearly the same path at any frame rate."""

    def __init__(self, cast: Cast, plan: CameraPlan, size: tuple[int, int]) -> None:
        self.size = size
        self.hand = Hand()
        self.mode = plan.mode
        self._ids = list(cast.actor_ids)
        self._stature, self._extent = _statures(cast)
        self._channels = {
            name: _channel(plan.keyframes, name, neutral)
            for name, neutral in (
                ("pan", 0.0),
                ("crane", 0.0),
                ("dolly", 0.0),
                ("zoom", 1.0),
                ("orbit", 0.0),
            )
        }
        self._switches = [key for key in plan.keyframes if key.mode or key.follow]
        self._row = self._ids.index(plan.follow) if plan.follow in self._ids else 0
        self._chosen = plan.follow in self._ids
        self._swing, self._side = 0.0, 1.0
        self._held = np.zeros(6)
        self._orbit_from = 0.0
        self._target = np.zeros(6)
        self._rig, self._speed = np.zeros(6), np.zeros(6)  # the spring that follows the target
        self._carry, self._carry_speed = np.zeros(6), np.zeros(6)  # from the last shot to this
        self._carry_age = CUT_S
        self._shown, self._pace = np.zeros(6), np.zeros(6)  # rig with carry, and its speed
        self._settled = False

    @property
    def followed(self) -> str | None:
        """Id of the actor the camera is with; None in an empty scene."""
        return self._ids[self._row] if self._ids else None

    def follow(self, actor: str) -> None:
        """Go to another actor, eased. Raises ValueError if there is no such actor."""
        self._row, self._chosen = self._ids.index(actor), True
        self._cut()

    def set_mode(self, mode: CameraMode) -> None:
        """Change the mode, eased."""
        self.mode = mode
        self._held = self._shown.copy()
        self._orbit_from = float(self._shown[YAW])
        self._cut()

    def pan(self, right: float, up: float) -> None:
        """Move the camera by hand across its view, in metres."""
        self.hand.right += right
        self.hand.up += up

    def zoom_at(self, pixel: tuple[float, float], factor: float, camera: Camera) -> None:
        """Zoom by hand; what is under the pixel in ``camera`` stays there."""
        before = self.hand.zoom
        self.hand.zoom = float(np.clip(before * factor, 0.05, 50.0))
        ground = camera.to_ground(np.asarray(pixel, float))
        depth = float(camera.to_view(ground)[2])
        reach = float(np.exp(self._shown[REACH]))
        if not np.isfinite(depth) or depth > 4.0 * reach:
            depth = reach
        shift = depth / camera.focal_px * (1.0 - before / self.hand.zoom)
        self.hand.right += (pixel[0] - camera.size[0] / 2) * shift
        self.hand.up += (camera.size[1] / 2 - pixel[1]) * shift

    def turn(self, angle: float) -> None:
        """Walk round what the camera looks at, by hand, in radians."""
        self.hand.orbit += angle

    def release(self) -> None:
        """Forget all that was done by hand."""
        self.hand = Hand()

    def update(self, frame: Frame, dt: float) -> Camera:
        """The camera for a frame, ``dt`` seconds after the one before. The first is settled."""
        self._take_switches(frame)
        self._pick(frame)
        target = self._wanted(frame)
        if not self._settled:
            self._settled, self._carry_age = True, CUT_S
            self._held = self._rig = self._shown = target
        elif self._carry_age < 0.0:
            self._leave(frame, target)
        elif dt > 0.0:
            self._spring(target, dt)
        self._target = target
        self._carry_age = min(CUT_S, self._carry_age + dt)
        if self.mode in (CameraMode.FOLLOW, CameraMode.ORBIT) and self._carry_age >= CUT_S:
            self._keep_in_view(frame)
        shown = self._rig + self._carried()
        self._pace = (shown - self._shown) / dt if dt > 0.0 else self._pace
        self._shown = shown
        return self._camera(frame.time)

    def _leave(self, frame: Frame, target: np.ndarray) -> None:
        """Begin a shot: settled on the new target, carrying what is left of the old one."""
        self._rig, self._speed = target, np.zeros(6)
        if self.mode in (CameraMode.FOLLOW, CameraMode.ORBIT) and self._ids:
            self._speed[:2] = frame.velocity[self._row, :2]
        self._carry = self._shown - target
        self._carry[YAW] = (self._carry[YAW] + np.pi) % (2.0 * np.pi) - np.pi
        self._carry_speed = self._pace - self._speed
        self._carry_age = 0.0

    def _carried(self) -> np.ndarray:
        """What is left of the last shot: a quintic from its offset and speed to rest."""
        u = self._carry_age / CUT_S
        drift = CUT_S * u * (1.0 + u * u * (-6.0 + u * (8.0 - 3.0 * u)))
        return (1.0 - _smooth(u)) * self._carry + drift * self._carry_speed

    def _cut(self) -> None:
        self._carry_age = -1.0

    def _take_switches(self, frame: Frame) -> None:
        while self._switches and self._switches[0].t <= frame.time + 1e-9:
            key = self._switches.pop(0)
            if key.follow in self._ids and self._ids[self._row] != key.follow:
                self.follow(key.follow)
            if key.mode is not None and key.mode is not self.mode:
                self.set_mode(key.mode)

    def _pick(self, frame: Frame) -> None:
        """Until somebody is named, the first who moves is the one to watch."""
        if self._chosen or not self._ids:
            return
        moving = np.hypot(frame.velocity[:, 0], frame.velocity[:, 1]) > MOVING_SPEED
        if moving.any():
            row = int(np.argmax(moving))
            self._chosen = True
            if row != self._row:
                self._row = row
                self._cut()

    def _wanted(self, frame: Frame) -> np.ndarray:
        """The rig (6,) of the shot in force: focus, log distance, yaw, pitch."""
        if not self._ids:
            return np.array([0.0, 0.0, 1.2, np.log(10.0), 0.0, FOLLOW_PITCH])
        if self.mode is CameraMode.FIT or (self.mode is CameraMode.FIXED and not self._settled):
            return self._fit(frame)
        if self.mode is CameraMode.FIXED:
            return self._held
        rig = self._follow(frame)
        if self.mode is CameraMode.ORBIT:
            rig[YAW] = self._orbit_from + ORBIT_RATE * frame.time
            rig[PITCH] = ORBIT_PITCH
        return rig

    def _follow(self, frame: Frame) -> np.ndarray:
        row = self._row
        velocity = frame.velocity[row, :2]
        speed = float(np.hypot(velocity[0], velocity[1]))
        haste = min(1.0, speed / SPRINT_SPEED)
        share = SHARE_STANDING + haste * (SHARE_SPRINTING - SHARE_STANDING)
        height = max(self._extent[row] / share, MIN_WIDTH_M * self.size[1] / self.size[0])
        lead = LEAD_S * velocity
        most = LEAD_SHARE * height * self.size[0] / self.size[1]
        lead = lead * min(1.0, most / max(LEAD_S * speed, 1e-9))
        self._aim(velocity, speed)
        focus = frame.root[row] + (lead[0], lead[1], LOOK_HEIGHT * self._stature[row])
        return np.array([*focus, np.log(height * FOCAL), self._swing, FOLLOW_PITCH])

    def _aim(self, velocity: np.ndarray, speed: float) -> None:
        """Swing aside from somebody who runs along the view, to the side that shows more."""
        if speed < MOVING_SPEED:
            return
        across, along = velocity / speed
        if abs(across) > 0.2:
            self._side = 1.0 if across * along >= 0.0 else -1.0
        share = _smooth((abs(along) - 0.75) / 0.23) * min(1.0, speed)
        self._swing = self._side * SWING_RAD * share

    def _fit(self, frame: Frame) -> np.ndarray:
        """The nearest camera from which everybody, and where he will be soon, is in frame."""
        ground = frame.root + 0.5 * frame.velocity * (1.0, 1.0, 0.0)
        feet = np.concatenate([frame.root, ground])
        tops = feet + np.tile(self._stature, 2)[:, None] * (0.0, 0.0, 1.0)
        axes = Camera(pitch=FIT_PITCH).axes()
        right, up, ahead = axes @ np.concatenate([feet, tops]).T
        wide = FIT_MARGIN * 0.5 * self.size[0] / self.size[1] / FOCAL
        high = FIT_MARGIN * 0.5 / FOCAL
        # |right - x| <= wide (ahead - s) for all, and the same for up: solved for the camera's
        # place (x, y) across the view and the largest s along it.
        a, b = (right - wide * ahead).max(), (-right - wide * ahead).max()
        c, d = (up - high * ahead).max(), (-up - high * ahead).max()
        along = min(
            -(a + b) / (2.0 * wide),
            -(c + d) / (2.0 * high),
            ahead.min() - self._extent.max() * FOCAL / FIT_SHARE,
        )
        middle = (ahead.min() + ahead.max()) / 2.0
        focus = axes.T @ np.array([(a - b) / 2.0, (c - d) / 2.0, middle])
        return np.array([*focus, np.log(middle - along), 0.0, FIT_PITCH])

    def _spring(self, target: np.ndarray, dt: float) -> None:
        """Exact step of a critically damped spring whose target moves evenly during ``dt``."""
        drift = (target - self._target) / dt
        off, rate = self._rig - self._target, self._speed - drift
        fall = np.exp(-RATES * dt)
        push = rate + RATES * off
        self._rig = target + (off + push * dt) * fall
        self._speed = drift + (rate - RATES * push * dt) * fall

    def _keep_in_view(self, frame: Frame) -> None:
        """Should the spring be too slow, drag the focus along with the actor."""
        yaw = float(self._rig[YAW])
        right = np.array([np.cos(yaw), np.sin(yaw)])
        off = float((frame.root[self._row, :2] - self._rig[:2]) @ right) if self._ids else 0.0
        most = KEEP_SHARE * float(np.exp(self._rig[REACH])) * self.size[0] / self.size[1] / FOCAL
        excess = off - float(np.clip(off, -most, most))
        self._rig = self._rig.copy()
        self._rig[:2] += excess * right

    def _camera(self, time: float) -> Camera:
        pan, crane, dolly, zoom, orbit = (
            float(_at(time, *self._channels[name]))
            for name in ("pan", "crane", "dolly", "zoom", "orbit")
        )
        camera = Camera(
            pitch=float(self._shown[PITCH]),
            yaw=float(self._shown[YAW]) + orbit + self.hand.orbit,
            focal=FOCAL * zoom * self.hand.zoom,
            size=self.size,
        )
        right, up, ahead = camera.axes()
        position = self._shown[FOCUS] + (dolly - float(np.exp(self._shown[REACH]))) * ahead
        position = position + self.hand.right * right + self.hand.up * up + (pan, 0.0, crane)
        position[2] = max(LOWEST_M, position[2])
        camera.position = position
        return camera


def _statures(cast: Cast) -> tuple[np.ndarray, np.ndarray]:
    """Standing height of each actor (A,) m, and his larger extent."""
    kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
    bones, scale = cast.actor_bones, cast.actor_scale
    heads = np.array([HEAD_RADIUS[kind] for kind in kinds])
    stature = scale * (bones[:, 3] + bones[:, 4] + bones[:, 0] + 2.0 * heads)
    level = np.array([kind in QUADRUPEDS for kind in kinds], bool)
    length = scale * (1.5 * bones[:, 0] + 2.0 * heads)
    return stature, np.where(level, np.maximum(0.8 * stature, length), stature)


def _channel(
    keys: list[CameraKeyframe], name: str, neutral: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of one keyframed quantity, from neutral at the start."""
    knots = [
        (key.t, value)
        for key in keys
        for field, value in key
        if field == name and value is not None
    ]
    if not knots or knots[0][0] > 0.0:
        knots.insert(0, (0.0, neutral))
    times, values = zip(*knots, strict=True)
    return np.array(times), np.array(values)


def _at(time: float, times: np.ndarray, values: np.ndarray) -> float:
    """Value at a time, eased from knot to knot."""
    after = int(np.searchsorted(times, time, side="right"))
    if after == 0 or after == len(times):
        return values[max(0, after - 1)]
    before = after - 1
    share = _smooth((time - times[before]) / (times[after] - times[before]))
    return values[before] + share * (values[after] - values[before])


def _smooth(u: float) -> float:
    """Ease in and out: 0 at 0, 1 at 1, with level ends (Perlin's quintic)."""
    u = min(1.0, max(0.0, u))
    return u * u * u * (u * (6.0 * u - 15.0) + 10.0)
