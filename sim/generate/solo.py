"""A soloist: an actor alone, on a course or on the spot, with the words for what it does."""

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.scene import Actor, SceneObject
from entities.units import DT
from sim.generate.courses import Course, fastest, turning
from sim.generate.phrases import (
    JOINS,
    PACES,
    PEOPLE,
    SCALES,
    SHAPES,
    SHARES,
    SPOT_CAPTIONS,
    STYLE_ADVERBS,
    TRAVEL_CAPTIONS,
    WORLD_WAYS,
)
from sim.story.captions import Clauses

A = ActionType
Item = TypeVar("Item")
PARAPHRASES = 3
"""Captions of an actor beside its task."""
OWN_SPEED_TRAVELS = (  # actions that go along the heading at their own speed
    *(A.WALK, A.JOG, A.RUN, A.SPRINT, A.WALK_BACKWARDS, A.STRAFE, A.SNEAK, A.MARCH, A.SKIP, A.HOP),
    *(A.CRAWL, A.LIMP, A.ZOMBIE_WALK, A.SWIM, A.FLY, A.RIDE, A.CARRY, A.PUSH, A.PULL, A.DRIBBLING),
)
PACED = {  # m/s, least and most, of gaits that are also asked for at speeds not their own
    A.SNEAK: (0.3, 0.9),
    A.MARCH: (1.1, 1.9),
    A.SKIP: (1.7, 2.9),
    A.HOP: (0.7, 1.4),
    A.CRAWL: (0.25, 0.6),
    A.LIMP: (0.45, 1.0),
    A.ZOMBIE_WALK: (0.4, 0.9),
    A.WALK_BACKWARDS: (0.5, 1.3),
    A.STRAFE: (0.4, 0.9),
    A.CARRY: (0.7, 1.4),
    A.RUNNING_BASES: (4.5, 7.0),
}
GAITS = ((2.1, A.WALK), (3.8, A.JOG), (6.4, A.RUN), (np.inf, A.SPRINT))
"""The gait of a course up to a speed in m/s."""
DURATIONS_S = {
    **{A.IDLE: 2.0, A.TURN_AROUND: 1.5, A.JUMP: 1.3, A.NOD: 1.8, A.BOW: 2.4, A.GET_UP: 2.9},
    **{A.PUNCH: 1.5, A.KICK: 1.6, A.DODGE: 1.4, A.BLOCK: 1.6, A.FALL: 2.4, A.DIVE: 1.8},
    **{A.TACKLE: 1.8, A.CARTWHEEL: 1.8, A.ROLL: 2.2, A.BATTING: 2.0, A.KICKING: 1.7},
}
DEFAULT_S = 2.8
"""s that an action takes, where DURATIONS_S does not say."""
TURNED = {"": 0.0, "turns left": 1.3, "turns right": -1.3, "turns around": 3.0}
"""rad by which an actor who has stopped turns before going on, by its words."""
AFTER_S = 2.0
"""s that a course goes on after the scene's end."""
LEAP_S, LEAP_MPS = 1.0, 6.0
PAUSES = tuple(
    action
    for action in SPOT_CAPTIONS
    if ACTION_VELOCITIES[action] == 0.0 and action not in (A.CLIMB, A.GET_UP, A.TURN_AROUND)
)
"""Actions between two legs of a course."""
SIDELONG = (A.WALK_BACKWARDS, A.STRAFE)
ON_THE_SPOT = (*(a for a in SPOT_CAPTIONS if a is not A.GET_UP), A.JUMP, A.JUMP, A.TURN_AROUND)
LOW = {A.SIT, A.LIE_DOWN, A.SLEEP, A.KNEEL, A.FALL}
"""Actions after which an actor gets up before anything else."""


@dataclass(slots=True)
class Clause:
    """One action of an actor: its start in s, and the words that may say it."""

    start: float
    action: ActionType
    verbs: tuple[str, ...]
    after: tuple[str, ...] = ("",)


@dataclass(slots=True)
class Group:
    """Part of a scene around its own origin, with the words for each actor."""

    actors: list[Actor]
    clauses: list[Clauses]
    captions: list[list[str]]  # of each actor: its task, then paraphrases
    objects: list[SceneObject] = field(default_factory=list)
    kind: str = ""
    asked_mps: float | None = None  # mean speed over the ground


def in_turn(seed: int, name: str, items: tuple[Item, ...], index: int) -> Item:
    """Item ``index`` of an endless list of permutations of ``items``; name: of the list."""
    rounds, place = divmod(index, len(items))
    key = [seed, rounds, *name.encode()]
    return items[int(_order(tuple(key), len(items))[place])]


@cache
def _order(key: tuple[int, ...], n: int) -> np.ndarray:
    return np.random.default_rng(list(key)).permutation(n)


class Soloist:
    """An actor drawn from a seed, and what it may do."""

    def __init__(self, rng: np.random.Generator, seed: int, index: int) -> None:
        self.rng, self.seed, self.index = rng, seed, index
        self.kind = list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]
        self.noun = str(rng.choice(PEOPLE[self.kind]))
        self.scale = round(float(rng.uniform(*SCALES[self.kind])), 3)
        self.style = in_turn(
            seed, "style", (*STYLE_ADVERBS, *[None] * (2 * len(STYLE_ADVERBS))), index
        )
        self.intensity = round(float(rng.uniform(0.5, 1.0)), 2)
        self.heading = 2.0 * math.pi * even(seed, index, 1) - math.pi
        self.clauses: list[Clause] = []

    def actions_on_the_spot(self, seconds: float) -> Group:
        """One action after another on the spot, each in its turn."""
        t, i = 0.0, 0
        while i == 0 or t < seconds - 0.5:
            number = self.index * 4 + i
            action = in_turn(self.seed, "deed", ON_THE_SPOT, number)
            if self.clauses and self.clauses[-1].action in LOW and action is not A.GET_UP:
                action = A.GET_UP
            self._add_clause(t, action, SPOT_CAPTIONS[action])
            t += self._duration(action)
            i += 1
        return self._group("deeds")

    def moves_and_actions(self, seconds: float) -> Group:
        """Moves at their own speeds, with actions on the spot between them."""
        t, i = 0.0, 0
        while i == 0 or t < seconds - 0.5:
            if i % 2 == 0:
                action = in_turn(self.seed, "table", OWN_SPEED_TRAVELS, self.index * 2 + i // 2)
                self._add_clause(t, action, TRAVEL_CAPTIONS[action])
                t += float(self.rng.choice([2.5, 3.5, 5.0, 10.0]))
            else:
                action = in_turn(self.seed, "between", ON_THE_SPOT, self.index)
                self._add_clause(t, action, SPOT_CAPTIONS[action])
                t += self._duration(action)
                if action in LOW:
                    self._add_clause(t, A.GET_UP, SPOT_CAPTIONS[A.GET_UP])
                    t += self._duration(A.GET_UP)
            i += 1
        return self._group("table")

    def course(self, kind: str, seconds: float) -> Group:
        """A course of a kind, at speeds of its own."""
        speed = 0.5 + 8.5 * even(self.seed, self.index, 0)
        special = kind not in ("paces", "leaps") and even(self.seed, self.index, 2) < 0.18
        action = in_turn(self.seed, "paced", tuple(PACED), self.index) if special else None
        if action is not None:
            low, high = PACED[action]
            speed = low + (high - low) * even(self.seed, self.index, 0)
        if kind == "stops" and action in SIDELONG:  # going on would need a turn that no word says
            action = None
        course = Course(self.heading, 0.0 if kind == "stops" else None)
        if kind == "straight":
            if action is None and self.index % 3 == 0:
                return self._steady(speed)
            self._leg(course, speed, action, "straight", seconds)
        elif kind == "shape":
            shape = in_turn(self.seed, "shape", tuple(SHAPES), self.index)
            if shape == "diamond" and action is None:
                action = A.RUNNING_BASES
                speed = 4.5 + 2.5 * even(self.seed, self.index, 0)
            speed = min(speed, fastest(shape, seconds))
            self._leg(course, speed, action, shape, seconds)
        elif kind == "weave":
            self._leg(course, speed, action, "weave", seconds)
        elif kind == "leaps":
            self._leap(course, min(speed, LEAP_MPS), seconds)
        elif kind == "paces":
            other = 0.5 + 8.0 * even(self.seed, self.index, 3)
            half = 0.5 * round(seconds)
            self._leg(course, speed, None, "straight", half)
            if abs(other - speed) < 1.0:
                other = speed + 1.5
            pace = "faster" if other > speed else "slower"
            self._leg(course, other, None, "straight", seconds - half, PACES[pace])
        else:
            self._stop_and_go(course, speed, action, seconds)
        asked_mps = course.length(seconds) / seconds
        # The course goes past the end of the scene, so that the actor does not hurry to halt there.
        course.go(AFTER_S, course.speed, turning("straight", course.speed, AFTER_S, self.rng))
        knots = course.knots(seconds + AFTER_S)
        made = self._group(kind, knots)
        made.asked_mps = asked_mps
        return made

    def _steady(self, speed: float) -> Group:
        """Straight on, at full speed from the first tick."""
        action = gait_of(speed)
        self._add_clause(
            0.0, action, TRAVEL_CAPTIONS[action], self._straight(speed, action, self.heading)
        )
        velocity = speed * math.cos(self.heading), speed * math.sin(self.heading)
        made = self._group("steady", velocity=velocity)
        made.asked_mps = speed
        return made

    def _leap(self, course: Course, speed: float, seconds: float) -> None:
        """Jumps out of a walk or a run, straight on."""
        while not self.clauses or course.t < seconds - 0.5:
            self._leg(course, speed, None, "straight", float(self.rng.choice([1.5, 2.0, 2.5])))
            self._add_clause(course.t, A.JUMP, SPOT_CAPTIONS[A.JUMP])
            course.go(LEAP_S, speed, turning("straight", speed, LEAP_S, self.rng))

    def _stop_and_go(
        self, course: Course, speed: float, action: ActionType | None, seconds: float
    ) -> None:
        turned = ""
        while not self.clauses or course.t < seconds - 1.0:
            leg = min(float(self.rng.choice([2.0, 2.5, 3.0, 4.0])), seconds - course.t)
            shape = str(self.rng.choice(["straight", "curve_left", "curve_right"]))
            if turned:
                self._turned_leg(course, speed, turned, leg)
            else:
                self._leg(course, speed, action, shape, leg)
            left = seconds - course.t
            if left < 2.0:
                course.go(left, course.speed, turning("straight", course.speed, left, self.rng))
                return
            stop_action = in_turn(self.seed, "pause", PAUSES, self.index * 3 + len(self.clauses))
            pause = math.ceil(2.0 * self._duration(stop_action)) / 2.0
            course.halt()
            self._add_clause(course.t, stop_action, SPOT_CAPTIONS[stop_action])
            if stop_action in LOW:
                course.rest(pause)
                pause = math.ceil(2.0 * self._duration(A.GET_UP)) / 2.0
                self._add_clause(course.t, A.GET_UP, SPOT_CAPTIONS[A.GET_UP])
            course.rest(pause)
            turned = str(self.rng.choice(list(TURNED)))
            course.heading += TURNED[turned]
            speed = 0.6 + 7.0 * float(self.rng.random()) ** 1.5
            action = None

    def _turned_leg(self, course: Course, speed: float, turned: str, seconds: float) -> None:
        """Straight on, after a turn on the spot that the same clause says."""
        action = gait_of(speed)
        self._add_clause(
            course.t, action, tuple(f"{turned} and {verb}" for verb in TRAVEL_CAPTIONS[action])
        )
        course.go(seconds, speed, turning("straight", speed, seconds, self.rng))

    def _leg(
        self,
        course: Course,
        speed: float,
        action: ActionType | None,
        shape: str,
        seconds: float,
        pace: tuple[str, ...] | None = None,
    ) -> None:
        action = gait_of(speed) if action is None else action
        if action in SIDELONG:  # where left and right would have two meanings
            shape = "straight"
        after = (
            self._straight(speed, action, course.heading) if shape == "straight" else SHAPES[shape]
        )
        if action in (*SIDELONG, A.RUNNING_BASES):
            after = ("",)
        self._add_clause(course.t, action, TRAVEL_CAPTIONS[action], after if pace is None else pace)
        course.go(seconds, speed, turning(shape, speed, seconds, self.rng))

    def _straight(self, speed: float, action: ActionType, heading: float) -> tuple[str, ...]:
        """The words for a straight leg: where it leads, or its pace."""
        slow = {A.WALK: 0.95, A.RUN: 4.3}.get(action, 0.0)
        fast = {A.WALK: 1.75, A.RUN: 5.8}.get(action, math.inf)
        if speed < slow or speed > fast:
            return PACES["slow" if speed < slow else "fast"]
        quarter = heading / (0.5 * math.pi)
        if abs(quarter - round(quarter)) < 0.22 and self.index % 2:
            return WORLD_WAYS[("right", "away", "left", "toward")[round(quarter) % 4]]
        return SHAPES["straight"]

    def _duration(self, action: ActionType) -> float:
        return DURATIONS_S.get(action, DEFAULT_S) * float(self.rng.uniform(0.9, 1.4))

    def _add_clause(
        self,
        start: float,
        action: ActionType,
        verbs: tuple[str, ...],
        after: tuple[str, ...] = ("",),
    ) -> None:
        self.clauses.append(Clause(round(start / DT) * DT, action, verbs, after))

    def _words(self) -> tuple[str, list[str]]:
        """A caption and its clauses, in words drawn anew on each call."""
        rng = self.rng
        manner = None if self.style is None else str(rng.choice(STYLE_ADVERBS[self.style]))
        texts = []
        for clause in self.clauses:
            words = [str(rng.choice(clause.verbs)), str(rng.choice(clause.after))]
            if manner is not None and (not texts or rng.random() < 0.5):
                words.insert(int(rng.integers(1, 3)), manner)
            texts.append(" ".join(word for word in words if word))
        article = "an" if self.noun[0] in "aeiou" else "a"
        caption = f"{article} {self.noun} {texts[0]}"
        for text in texts[1:]:
            caption += str(rng.choice(JOINS)) + text
        return caption, texts

    def _group(
        self,
        kind: str,
        knots: list[tuple[float, float, float]] | None = None,
        velocity: tuple[float, float] | None = None,
    ) -> Group:
        captions = [self._words() for _ in range(1 + PARAPHRASES)]
        actor = Actor(
            id=self.noun.replace(" ", "_"),
            initial_position={"x": 0.0, "y": 0.0},
            actor_type=self.kind,
            heading=self.heading,
            actions=[(clause.start, clause.action) for clause in self.clauses],
            scale=self.scale,
            style=self.style,
            style_intensity=self.intensity,
            caption=captions[0][0],
            velocity=velocity,
            movement_path=None if knots is None else [(t, {"x": x, "y": y}) for t, x, y in knots],
        )
        starts = [clause.start for clause in self.clauses]
        clauses = list(zip(starts, captions[0][1], strict=True))
        return Group([actor], [clauses], [[caption for caption, _ in captions]], kind=kind)


def gait_of(speed: float) -> ActionType:
    """The gait of a speed in m/s."""
    return next(action for limit, action in GAITS if speed < limit)


def even(seed: int, index: int, which: int) -> float:
    """0..1, spread evenly over any stretch of indices, by an additive recurrence.

    which: the recurrence, one for each purpose.
    """
    # The generalised golden ratios of http://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences
    ratio = (0.8566748838545029, 0.7338918566271260, 0.6287067210378087, 0.5385972572236101)[which]
    start = np.random.default_rng([seed, which, 2]).random()
    return (start + ratio * (index + 1)) % 1.0
