"""The automatic camera: where it should be at each frame, and how it gets there without a jerk.

A rig is six numbers: the point looked at (m), the logarithm of the distance from it, yaw and pitch
(rad). A shot (mode and followed actor) gives a target rig for every frame and a critically damped
spring follows it. A change of shot is blended over BLEND_S. Keyframes and the viewer's manual
offsets are added last.
"""

import logging
from dataclasses import dataclass

import numpy as np

from entities.scene import CameraKeyframe, CameraMode, CameraPlan
from entities.skeleton import ACTOR_TYPES, HEAD_RADIUS, QUADRUPEDS
from sim.camera.pinhole import Camera
from sim.frame import Cast, Frame

log = logging.getLogger(__name__)

FOCAL = 1.6
"""Focal length in picture heights: long enough that figures at the edges keep their proportions."""
SHARE_STANDING, SHARE_SPRINTING = 0.33, 0.26
"""Share of the picture's height that the followed actor takes; a runner gets more room."""
SPRINT_SPEED = 8.0
"""m/s"""
LEAD_S = 0.12
"""How far ahead of a runner the camera looks, in seconds at the runner's velocity."""
LEAD_SHARE = 0.11
"""Largest lead, as a share of the picture's width."""
KEEP_SHARE = 0.26
"""Furthest the followed actor may be from the middle, as a share of the width; 0.3 is required."""
LOOK_HEIGHT = 0.68
"""Height on the actor that is looked at, as a share of the stature: more sky than ground."""
FOLLOW_PITCH, FIT_PITCH, ORBIT_PITCH = -0.085, -0.14, -0.16
"""rad, negative looks down"""
SWING_RAD = np.radians(30.0)
"""Yaw for a three-quarter view of an actor that runs along the view, away or toward."""
FIT_MARGIN = 0.84
"""Share of the picture that the actors may fill in mode ``fit``."""
FIT_SHARE = 0.42
"""Largest share of the picture's height that one actor takes in mode ``fit``."""
MIN_WIDTH_M = 5.0
"""The picture is never narrower than this at the followed actor."""
ORBIT_RATE = 0.25
"""rad/s"""
BLEND_S = 1.2
"""How long the camera takes from one shot to the next."""
MANUAL_ZOOM = 0.05, 50.0
"""Least and most that the viewer zooms, times the keyframes' zoom."""
ZOOM = 0.01, 100.0
"""Least and most of both together, which is also what a keyframe may ask for."""
MANUAL_PAN_M = 100_000.0
"""Furthest that the viewer pans: the extent of the world."""
LOWEST_M = 0.3
"""The camera never goes below this height."""
MOVING_SPEED = 0.3
"""m/s above which an actor counts as moving."""
MOST_MISSED = 4
"""In a larger cast it is no surprise that somebody walks out of the picture."""
MISSED_S = 1.0
"""How long an actor walks outside the picture before it is said that he does."""

FOCUS, LOG_DISTANCE, YAW, PITCH = slice(0, 3), 3, 4, 5
RATES = np.array([3.2, 3.2, 2.2, 1.8, 1.3, 1.8])
"""1/s, natural frequencies of the spring for each number of the rig."""


@dataclass(slots=True)
class ManualOffset:
    """What the viewer adds to the automatic camera."""

    right: float = 0.0  # m
    up: float = 0.0  # m
    zoom: float = 1.0
    orbit: float = 0.0  # rad


class Director:
    """Moves the camera of one run. Deterministic; nearly the same path at any frame rate."""

    def __init__(self, cast: Cast, plan: CameraPlan, size: tuple[int, int]) -> None:
        self.size = size
        self.manual = ManualOffset()
        self.mode = plan.mode
        self._take_in(cast)
        self._channels = {
            name: _keyframe_channel(plan.keyframes, name, neutral)
            for name, neutral in (
                ("pan", 0.0),
                ("crane", 0.0),
                ("dolly", 0.0),
                ("zoom", 1.0),
                ("orbit", 0.0),
            )
        }
        self._switches = [key for key in plan.keyframes if key.mode or key.follow]
        self._awaited = plan.follow  # to be followed as soon as it is on stage
        self._row, self._chosen = 0, False
        if plan.follow in self._ids:
            self._row, self._chosen, self._awaited = self._ids.index(plan.follow), True, None
        self._swing, self._side = 0.0, 1.0
        self._fixed_rig = np.zeros(6)
        self._orbit_start = 0.0
        self._target = np.zeros(6)
        self._rig, self._rig_speed = np.zeros(6), np.zeros(6)  # the spring that follows the target
        self._blend_offset, self._blend_speed = np.zeros(6), np.zeros(6)  # left of the last shot
        self._blend_age = BLEND_S  # s since this shot began; negative: the next update begins one
        self._shown, self._shown_speed = np.zeros(6), np.zeros(6)  # rig plus blend, and its speed
        self._settled = False
        self._missed_s = 0.0  # how long somebody has walked outside the picture

    def _take_in(self, cast: Cast) -> None:
        """Know the actors of a cast."""
        self._cast, self._ids = cast, list(cast.actor_ids)
        self._stature, self._extent = _statures(cast)

    def _recast(self, cast: Cast) -> None:
        """Go over to a longer cast, or back to a shorter one before somebody came on stage."""
        followed = self.followed
        self._take_in(cast)
        if followed is not None and followed not in self._ids:
            self._row, self._awaited = 0, followed
            self._request_shot()
        elif self._awaited in self._ids:
            self.follow(self._awaited)

    @property
    def followed(self) -> str | None:
        """Id of the actor that the camera follows; None in an empty scene."""
        return self._ids[self._row] if self._ids else None

    def follow(self, actor: str) -> None:
        """Ease over to another actor. Raises ValueError if there is no such actor."""
        self._row, self._chosen, self._awaited = self._ids.index(actor), True, None
        self._request_shot()

    def set_mode(self, mode: CameraMode) -> None:
        """Ease over to another mode."""
        self.mode = mode
        self._fixed_rig = self._shown.copy()
        self._orbit_start = float(self._shown[YAW])
        self._request_shot()

    def pan(self, right: float, up: float) -> None:
        """Shift the camera across its view, in metres."""
        self._shift(right, up)

    def _shift(self, right: float, up: float) -> None:
        manual, most = self.manual, MANUAL_PAN_M
        manual.right = min(max(manual.right + right, -most), most)
        manual.up = min(max(manual.up + up, -most), most)

    def zoom_at(self, pixel: tuple[float, float], factor: float, camera: Camera) -> None:
        """Zoom by a factor; the ground under the pixel of ``camera`` stays under it."""
        before = self.manual.zoom
        least, most = MANUAL_ZOOM
        self.manual.zoom = min(max(before * factor, least), most)
        ground = camera.to_ground(np.asarray(pixel, float))
        depth = float(camera.to_view(ground)[2])
        distance = float(np.exp(self._shown[LOG_DISTANCE]))
        if not np.isfinite(depth) or depth > 4.0 * distance:
            depth = distance
        shift = depth / camera.focal_px * (1.0 - before / self.manual.zoom)
        self._shift(
            (pixel[0] - camera.size[0] / 2) * shift, (camera.size[1] / 2 - pixel[1]) * shift
        )

    def turn(self, angle: float) -> None:
        """Orbit what the camera looks at by an angle in radians."""
        self.manual.orbit += angle

    def release(self) -> None:
        """Undo all pan, zoom and turn."""
        self.manual = ManualOffset()

    def update(self, frame: Frame, dt: float) -> Camera:
        """Camera for a frame ``dt`` seconds after the one before. The first camera is settled."""
        if frame.cast is not self._cast:
            self._recast(frame.cast)
        self._apply_keyframes(frame)
        self._choose_subject(frame)
        target = self._target_rig(frame)
        if not self._settled:
            self._settled, self._blend_age = True, BLEND_S
            self._fixed_rig = self._rig = self._shown = target
        elif self._blend_age < 0.0:
            self._begin_shot(frame, target)
        elif dt > 0.0:
            self._spring(target, dt)
        self._target = target
        self._blend_age = min(BLEND_S, self._blend_age + dt)
        if self.mode in (CameraMode.FOLLOW, CameraMode.ORBIT) and self._blend_age >= BLEND_S:
            self._keep_in_view(frame)
        shown = self._rig + self._blend()
        self._shown_speed = (shown - self._shown) / dt if dt > 0.0 else self._shown_speed
        self._shown = shown
        camera = self._camera_at(frame.time)
        self._tell_who_is_missed(frame, camera, dt)
        return camera

    def _tell_who_is_missed(self, frame: Frame, camera: Camera, dt: float) -> None:
        """Say once that somebody walks outside the picture and how everybody is seen."""
        if not 1 < len(self._ids) <= MOST_MISSED or self._missed_s >= MISSED_S:
            return
        if self.mode is not CameraMode.FOLLOW or self.manual != ManualOffset():
            return
        moving = np.hypot(frame.velocity[:, 0], frame.velocity[:, 1]) > MOVING_SPEED
        middle = frame.root + 0.5 * self._stature[:, None] * (0.0, 0.0, 1.0)
        pixels, depth = camera.project(middle)
        outside = (depth <= 0.0) | ((pixels < 0.0) | (pixels > self.size)).any(axis=1)
        apart, pull = frame.root - frame.root[self._row], frame.velocity - frame.velocity[self._row]
        leaving = (apart[:, :2] * pull[:, :2]).sum(axis=1) > 0.0
        missed = moving & outside & leaving
        missed[self._row] = False
        if not missed.any():
            self._missed_s = 0.0
            return
        self._missed_s += dt
        if self._missed_s >= MISSED_S:
            log.warning(
                "%s goes another way than %s, who is followed; --camera fit shows everybody",
                self._ids[int(np.argmax(missed))],
                self.followed,
            )

    def _begin_shot(self, frame: Frame, target: np.ndarray) -> None:
        """Begin a shot: the rig jumps to the new target, the blend starts from what was shown."""
        self._rig, self._rig_speed = target, np.zeros(6)
        if self.mode in (CameraMode.FOLLOW, CameraMode.ORBIT) and self._ids:
            self._rig_speed[:2] = frame.velocity[self._row, :2]
        self._blend_offset = self._shown - target
        self._blend_offset[YAW] = (self._blend_offset[YAW] + np.pi) % (2.0 * np.pi) - np.pi
        self._blend_speed = self._shown_speed - self._rig_speed
        self._blend_age = 0.0

    def _blend(self) -> np.ndarray:
        """What remains (6,) of the last shot: a quintic from its offset and speed to zero."""
        u = self._blend_age / BLEND_S
        drift = BLEND_S * u * (1.0 + u * u * (-6.0 + u * (8.0 - 3.0 * u)))
        return (1.0 - _smooth(u)) * self._blend_offset + drift * self._blend_speed

    def _request_shot(self) -> None:
        """Let the next update begin a shot."""
        self._blend_age = -1.0

    def _apply_keyframes(self, frame: Frame) -> None:
        """Apply the mode and the followed actor of the keyframes that are due."""
        while self._switches and self._switches[0].t <= frame.time + 1e-9:
            key = self._switches.pop(0)
            if key.follow in self._ids and self._ids[self._row] != key.follow:
                self.follow(key.follow)
            if key.mode is not None and key.mode is not self.mode:
                self.set_mode(key.mode)

    def _choose_subject(self, frame: Frame) -> None:
        """Until an actor is named, follow the first that moves."""
        if self._chosen or not self._ids:
            return
        moving = np.hypot(frame.velocity[:, 0], frame.velocity[:, 1]) > MOVING_SPEED
        if moving.any():
            row = int(np.argmax(moving))
            self._chosen = True
            if row != self._row:
                self._row = row
                self._request_shot()

    def _target_rig(self, frame: Frame) -> np.ndarray:
        """Target rig (6,) of the current shot."""
        if not self._ids:
            return np.array([0.0, 0.0, 1.2, np.log(10.0), 0.0, FOLLOW_PITCH])
        if self.mode is CameraMode.FIT or (self.mode is CameraMode.FIXED and not self._settled):
            return self._fit(frame)
        if self.mode is CameraMode.FIXED:
            return self._fixed_rig
        rig = self._follow(frame)
        if self.mode is CameraMode.ORBIT:
            rig[YAW] = self._orbit_start + ORBIT_RATE * frame.time
            rig[PITCH] = ORBIT_PITCH
        return rig

    def _follow(self, frame: Frame) -> np.ndarray:
        """Target rig (6,) that keeps the followed actor in view with room ahead of a runner."""
        row = self._row
        velocity = frame.velocity[row, :2]
        speed = float(np.hypot(velocity[0], velocity[1]))
        speed_share = min(1.0, speed / SPRINT_SPEED)
        share = SHARE_STANDING + speed_share * (SHARE_SPRINTING - SHARE_STANDING)
        height = max(self._extent[row] / share, MIN_WIDTH_M * self.size[1] / self.size[0])
        lead = LEAD_S * velocity
        most = LEAD_SHARE * height * self.size[0] / self.size[1]
        lead = lead * min(1.0, most / max(LEAD_S * speed, 1e-9))
        self._update_swing(velocity, speed)
        focus = frame.root[row] + (lead[0], lead[1], LOOK_HEIGHT * self._stature[row])
        return np.array([*focus, np.log(height * FOCAL), self._swing, FOLLOW_PITCH])

    def _update_swing(self, velocity: np.ndarray, speed: float) -> None:
        """Turn the view aside from an actor that runs along it, to the side that shows more."""
        if speed < MOVING_SPEED:
            return
        across, along = velocity / speed
        if abs(across) > 0.2:
            self._side = 1.0 if across * along >= 0.0 else -1.0
        share = _smooth((abs(along) - 0.75) / 0.23) * min(1.0, speed)
        self._swing = self._side * SWING_RAD * share

    def _fit(self, frame: Frame) -> np.ndarray:
        """Target rig (6,) of the nearest camera that sees all actors, now and half a second on."""
        ground = frame.root + 0.5 * frame.velocity * (1.0, 1.0, 0.0)
        feet = np.concatenate([frame.root, ground])
        tops = feet + np.tile(self._stature, 2)[:, None] * (0.0, 0.0, 1.0)
        axes = Camera(pitch=FIT_PITCH).axes()
        right, up, ahead = axes @ np.concatenate([feet, tops]).T
        wide = FIT_MARGIN * 0.5 * self.size[0] / self.size[1] / FOCAL
        high = FIT_MARGIN * 0.5 / FOCAL
        # |right - x| <= wide (ahead - s) for all points, and the same for up, is solved for the
        # camera's place (x, y) across the view and the largest s along it.
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
        """Exact step of a critically damped spring; the target moves at constant speed."""
        drift = (target - self._target) / dt
        off, rate = self._rig - self._target, self._rig_speed - drift
        fall = np.exp(-RATES * dt)
        push = rate + RATES * off
        self._rig = target + (off + push * dt) * fall
        self._rig_speed = drift + (rate - RATES * push * dt) * fall

    def _keep_in_view(self, frame: Frame) -> None:
        """Drag the focus along with the actor where the spring is too slow."""
        yaw = float(self._rig[YAW])
        right = np.array([np.cos(yaw), np.sin(yaw)])
        off = float((frame.root[self._row, :2] - self._rig[:2]) @ right) if self._ids else 0.0
        distance = float(np.exp(self._rig[LOG_DISTANCE]))
        most = KEEP_SHARE * distance * self.size[0] / self.size[1] / FOCAL
        excess = off - float(np.clip(off, -most, most))
        self._rig = self._rig.copy()
        self._rig[:2] += excess * right

    def _camera_at(self, time: float) -> Camera:
        """The camera of the shown rig, with keyframes and manual offsets added."""
        pan, crane, dolly, zoom, orbit = (
            float(_interpolate(time, *self._channels[name]))
            for name in ("pan", "crane", "dolly", "zoom", "orbit")
        )
        camera = Camera(
            pitch=float(self._shown[PITCH]),
            yaw=float(self._shown[YAW]) + orbit + self.manual.orbit,
            focal=FOCAL * min(max(zoom * self.manual.zoom, ZOOM[0]), ZOOM[1]),
            size=self.size,
        )
        right, up, ahead = camera.axes()
        position = self._shown[FOCUS] + (dolly - float(np.exp(self._shown[LOG_DISTANCE]))) * ahead
        position = position + self.manual.right * right + self.manual.up * up + (pan, 0.0, crane)
        position[2] = max(LOWEST_M, position[2])
        camera.position = position
        return camera


def _statures(cast: Cast) -> tuple[np.ndarray, np.ndarray]:
    """Standing height of each actor (A,) m, and the larger of its height and length (A,) m."""
    kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
    bones, scale = cast.actor_bones, cast.actor_scale
    heads = np.array([HEAD_RADIUS[kind] for kind in kinds])
    stature = scale * (bones[:, 3] + bones[:, 4] + bones[:, 0] + 2.0 * heads)
    level = np.array([kind in QUADRUPEDS for kind in kinds], bool)
    length = scale * (1.5 * bones[:, 0] + 2.0 * heads)
    return stature, np.where(level, np.maximum(0.8 * stature, length), stature)


def _keyframe_channel(
    keys: list[CameraKeyframe], name: str, neutral: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times (K,) s and values (K,) of one keyframed quantity, ``neutral`` at the start."""
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


def _interpolate(time: float, times: np.ndarray, values: np.ndarray) -> float:
    """Value at a time, eased from keyframe to keyframe."""
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
