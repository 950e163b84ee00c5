"""Way points: where to go so that "past the car" or "between the trees" comes true."""

from math import acos, cos, hypot, pi, sin

from entities.objects import ObjectType
from sim.story.staging.cast import Player
from sim.story.staging.scenery import Fixed, Item, Stage, Target, bearing, standoff, unit
from sim.story.staging.timing import Spot

FREE_S = 4.0
"""Seconds of a way when the sentence gives no distance (choice)."""
REACH_M = (2.5, 22.0)
"""Shortest and longest such way."""
GAP_M = 2.6
"""Metres between two targets that are passed between."""
BEFORE_LEAF_M = 0.15
"""A way through an open door passes this far before its middle, in front of its leaf (choice)."""
TURN_RATE = 2.5
"""m/s², lateral acceleration on a circle without a target."""


def stretch(speed: float) -> float:
    """Metres to go at ``speed`` m/s when the sentence gives no distance."""
    return min(max(FREE_S * speed, REACH_M[0]), REACH_M[1])


def where(target: Target) -> Spot:
    """A target's middle."""
    spot = target.spot
    assert spot is not None
    return spot


def ahead(spot: Spot, direction: Spot, distance: float, aside: float = 0.0) -> Spot:
    """The spot ``distance`` m ahead of another along a unit vector, and ``aside`` m to its left."""
    return (
        spot[0] + direction[0] * distance - direction[1] * aside,
        spot[1] + direction[1] * distance + direction[0] * aside,
    )


def beside(points: list[Spot], origin: Spot, spot: Spot) -> list[Spot]:
    """Way points from ``origin``, moved so that they lead from ``spot``."""
    dx, dy = spot[0] - origin[0], spot[1] - origin[1]
    return [(x + dx, y + dy) for x, y in points]


def outward(direction: Spot) -> float:
    """The side of a direction (+1 left, -1 right) that lies off the viewer."""
    return 1.0 if direction[0] >= 0.0 else -1.0


class Ways:
    """Way points for a player at ``spot``; targets without a place are placed to fit.

    direction: unit vector it goes in; speed in m/s; radius of its body in m.
    """

    def __init__(self, stage: Stage, spot: Spot, direction: Spot, speed: float, radius: float):
        self.stage, self.spot, self.radius = stage, spot, radius
        self.direction, self.speed = direction, speed
        self.distance = stretch(speed)

    def to(self, target: Target, share: float = 1.0, near: float | None = None) -> list[Spot]:
        """Up to a target's near edge.

        share: part of the way to go, for "toward". near: m from an object's edge to stop at.
        """
        if target.spot is None:
            gap = standoff(target, self.direction, self.radius)
            self.place(target, ahead(self.spot, self.direction, self.distance + gap))
        way = unit(self.spot, where(target), self.direction)
        full = hypot(where(target)[0] - self.spot[0], where(target)[1] - self.spot[1])
        length = full - standoff(target, way, self.radius)
        if near is not None and isinstance(target, Item):
            length = full - target.extent((-way[0], -way[1])) - self.radius - near
        return [ahead(self.spot, way, max(length * share, 0.0))]

    def past(self, target: Target) -> list[Spot]:
        """Past a target and on."""
        clear = _reach(target) + self.radius + 0.8
        if target.spot is None:
            middle = ahead(self.spot, self.direction, 0.55 * self.distance + _reach(target))
            side = outward(self.direction)
            self.place(target, ahead(middle, self.direction, 0.0, side * clear))
            return [ahead(self.spot, self.direction, self.distance + 2.0 * _reach(target) + 2.0)]
        way = unit(self.spot, where(target), self.direction)
        side = -outward(way)
        beside = ahead(where(target), way, 0.0, side * clear)
        return [beside, ahead(beside, way, max(0.4 * self.distance, _reach(target) + 3.0))]

    def around(self, target: Target, laps: float = 1.0) -> list[Spot]:
        """Up to a target and round it."""
        radius = max(_reach(target) + self.radius + 0.9, 1.3)
        if target.spot is None:
            self.place(target, ahead(self.spot, self.direction, radius + 2.5))
        centre = where(target)
        gap = hypot(self.spot[0] - centre[0], self.spot[1] - centre[1])
        turn = -1.0 if self.direction[0] >= 0.0 else 1.0
        first = bearing(centre, self.spot)
        if gap > 1.02 * radius:
            first += turn * acos(radius / gap)  # where the tangent from here touches the circle
        steps = max(round(12 * laps), 6)
        return [
            (
                centre[0] + radius * cos(first + turn * 2.0 * pi * laps * k / steps),
                centre[1] + radius * sin(first + turn * 2.0 * pi * laps * k / steps),
            )
            for k in range(0 if gap > 1.02 * radius else 1, steps + 1)
        ]

    def between(self, targets: list[Target], *, halt: bool) -> list[Spot]:
        """Between two targets, and on through unless ``halt``."""
        first, second = targets[0], targets[-1]
        middle = ahead(self.spot, self.direction, 0.6 * self.distance)
        half = 0.5 * GAP_M
        if first.spot is None and second.spot is None:
            self.place(first, ahead(middle, self.direction, 0.0, half + _reach(first)))
            self.place(second, ahead(middle, self.direction, 0.0, -half - _reach(second)))
        elif first.spot is None or second.spot is None:
            known, new = (second, first) if first.spot is None else (first, second)
            gap = GAP_M + _reach(known) + _reach(new)
            self.place(new, ahead(where(known), self.direction, 0.0, gap))
        a, b = where(first), where(second)
        mid = (0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1]))
        if halt:
            return [mid]
        across = unit(a, b)
        way = (-across[1], across[0])
        toward = (mid[0] - self.spot[0]) * way[0] + (mid[1] - self.spot[1]) * way[1]
        way = way if toward >= 0.0 else (-way[0], -way[1])
        depth = max(_reach(first), _reach(second)) + 1.0
        before, after = ahead(mid, way, -depth), ahead(mid, way, max(depth, 3.0))
        straight = abs(toward) > 0.9 * hypot(mid[0] - self.spot[0], mid[1] - self.spot[1])
        return [mid, after] if straight else [before, mid, after]

    def over(self, target: Target) -> list[Spot]:
        """Straight across a target and a little on."""
        if target.spot is None:
            if isinstance(target, Item):
                target.heading = bearing((0.0, 0.0), self.direction)
            self.place(target, ahead(self.spot, self.direction, max(0.5 * self.distance, 3.5)))
        way = unit(self.spot, where(target), self.direction)
        return [where(target), ahead(where(target), way, _reach(target) + 2.0)]

    def through(self, target: Target) -> list[Spot]:
        """Through a door; past the edge of any other target."""
        open_door = isinstance(target, Item) and target.kind is ObjectType.DOOR
        if target.spot is None:
            middle = ahead(self.spot, self.direction, 0.6 * self.distance)
            aside = _reach(target) + self.radius + 0.3
            spot = ahead(middle, self.direction, 0.0, aside)
            self.place(target, (middle[0], middle[1] + BEFORE_LEAF_M) if open_door else spot)
            if isinstance(target, Item):
                target.heading = bearing((0.0, 0.0), self.direction)
                target.heading += 0.0 if open_door else pi / 2
                if open_door and self.direction[0] < -0.7:
                    target.heading = 0.0  # its leaf stays on the side off the viewer
        if open_door:
            return self._through_door(target)
        way = self.direction
        gate = ahead(where(target), way, 0.0, -_reach(target) - self.radius - 0.3)
        return [gate, ahead(gate, way, 3.0)]

    def _through_door(self, door: Item) -> list[Spot]:
        """In at one side of a door and out at the other, square to it, before its leaf."""
        gate = (door.spot[0], door.spot[1] - BEFORE_LEAF_M)
        way = (cos(door.heading), sin(door.heading))
        before = (self.spot[0] - door.spot[0]) * way[0] + (self.spot[1] - door.spot[1]) * way[1]
        way = way if before <= 0.0 else (-way[0], -way[1])
        near = hypot(self.spot[0] - door.spot[0], self.spot[1] - door.spot[1]) < 1.0
        start = [] if near else [ahead(gate, way, -0.8)]
        return [*start, ahead(gate, way, 3.0)]

    def beside(self, relation: str, target: Target) -> list[Spot]:
        """To the spot behind, in front of, next to or under a target, round its corner."""
        if target.spot is None:
            self.place(target, ahead(self.spot, self.direction, self.distance + 1.0))
        at = spot_by(relation, target, self.radius, self.spot)
        way = unit(self.spot, where(target), self.direction)
        reach = _reach(target) + self.radius + 0.6
        if relation == "under" and isinstance(target, Item):
            return [at]
        straight = abs((at[0] - where(target)[0]) * -way[1] + (at[1] - where(target)[1]) * way[0])
        beyond = (at[0] - where(target)[0]) * way[0] + (at[1] - where(target)[1]) * way[1]
        if beyond > 0.0 and straight < reach:
            side = outward(way) if relation == "behind" else -outward(way)
            corner = ahead(where(target), way, 0.0, side * (reach + 0.4))
            return [corner, at]
        return [at]

    def place(self, target: Target, spot: Spot) -> None:
        """Put a target at a spot; fixed ones stay."""
        if isinstance(target, Item):
            self.stage.put(target, *spot)
        elif not isinstance(target, Fixed):
            target.put(*spot)


def spot_by(relation: str, target: Target, radius: float, near: Spot | None = None) -> Spot:
    """The spot in a relation to a target; "behind" is on the side off the viewer.

    radius: m, of the player. near: where it comes from, which decides the side of "next to".
    """
    x, y = where(target)
    side = {
        "behind": (0.0, 1.0), "front": (0.0, -1.0), "left_of": (-1.0, 0.0),
        "right_of": (1.0, 0.0), "past": (1.0, 0.0),
    }.get(relation)  # fmt: skip
    if relation in ("under", "on", "in", "over", "onto", "at") and not isinstance(target, Item):
        return x, y
    if relation == "under" and isinstance(target, Item):
        tree = target.extent((0.0, -1.0)) + radius + 0.5
        return (x, y - tree) if target.kind.value in ("tree", "lamp", "hoop") else (x, y)
    if side is None:
        left = near is None or near[0] <= x
        side = (-1.0, 0.0) if left else (1.0, 0.0)
    if isinstance(target, Item):
        gap = target.extent(side) + radius + 0.35
    else:
        gap = _reach(target) + radius + 0.55
    return x + side[0] * gap, y + side[1] * gap


def circle(
    spot: Spot,
    direction: Spot,
    speed: float,
    laps: float = 1.0,
    least: float = 1.5,
    *,
    left: bool = True,
) -> list[Spot]:
    """Way points of a circle that starts and ends at a spot.

    least: m, the smallest radius; a greater speed makes it larger. left: counter-clockwise.
    """
    radius = max(least, speed**2 / TURN_RATE)
    turn = 1.0 if left else -1.0
    centre = ahead(spot, direction, 0.0, turn * radius)
    first = bearing(centre, spot)
    steps = max(round(12 * laps), 8)
    return [
        (
            centre[0] + radius * cos(first + turn * 2.0 * pi * laps * k / steps),
            centre[1] + radius * sin(first + turn * 2.0 * pi * laps * k / steps),
        )
        for k in range(1, steps + 1)
    ]


def _reach(target: Target) -> float:
    """Metres from a target's middle to its furthest edge."""
    return target.radius if isinstance(target, Player) else target.reach
