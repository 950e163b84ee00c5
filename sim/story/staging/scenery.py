"""Objects on stage: made when first named, placed so that the sentence comes true."""

from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np

from entities.objects import BODY_KINDS, BodyKind, ObjectType, footprint_m, height_m
from entities.scene import MAX_OBJECTS
from entities.stages import places
from sim.story.language.lexicon import Theme, words
from sim.story.language.phrases import Noun
from sim.story.staging.cast import Player
from sim.story.staging.timing import Spot

CLEARANCE = 0.45
"""Metres between a player and the edge of what it walks up to."""
FACES_VIEWER = -pi / 2
"""Heading, rad."""
SEATS = (ObjectType.CHAIR, ObjectType.BENCH, ObjectType.SOFA, ObjectType.BED)
HANDY_M, HAND_FLAG_M = 0.35, 1.5
"""Height of a rock or a plant held in a hand, and of a flag with its pole (choice)."""
WATER_M = 9.6
"""From the middle of the park's pond to its bank (assets/stages/park.json)."""
BASES = "bases"
"""Word of the Fixed that stands for all four bases."""
BALL_OF = {
    "baseball": ObjectType.BASEBALL,
    "soccer": ObjectType.SOCCER_BALL,
    "basketball": ObjectType.BASKETBALL,
}
"""Type of a ball of which the sentence says no more, by stage set."""
LOW = (BodyKind.PROP, BodyKind.BALL)


@dataclass(slots=True, eq=False)
class Item:
    """An object of the story. spot: m, None until it is placed."""

    id: str
    kind: ObjectType
    word: str
    color: str | None
    scale: float
    spot: Spot | None = None
    z: float | None = None
    heading: float = FACES_VIEWER
    holder: Player | None = None
    path: list[tuple[float, ...]] | None = None  # t s, x, y m, and z m of what flies

    @property
    def size(self) -> tuple[float, float]:
        """Length along the heading and width across, in metres."""
        return footprint_m(self.kind, self.scale)

    @property
    def reach(self) -> float:
        """Metres from its middle to its furthest edge."""
        length, width = self.size
        return 0.5 * max(length, width)

    def extent(self, direction: Spot) -> float:
        """Metres from its middle to its edge in a direction (unit vector)."""
        length, width = self.size
        along = direction[0] * cos(self.heading) + direction[1] * sin(self.heading)
        across = -direction[0] * sin(self.heading) + direction[1] * cos(self.heading)
        if BODY_KINDS[self.kind] in LOW:
            return 0.5 * length
        return 0.5 * min(
            length / max(abs(along), 1e-6), width / max(abs(across), 1e-6)
        )  # fmt: skip


@dataclass(slots=True)
class Fixed:
    """A spot of the stage set itself: first base, the mound."""

    spot: Spot
    word: str

    @property
    def reach(self) -> float:
        """Metres from its middle to its edge."""
        return WATER_M if self.word.endswith("pond") else 0.0


Target = Item | Player | Fixed


class Stage:
    """All objects, and the spots of the theme's stage set."""

    def __init__(self, theme: Theme, rng: np.random.Generator) -> None:
        self.theme, self.rng = theme, rng
        self.spots = places(theme.set)
        self.items: list[Item] = []
        self.fixed_used = False
        self.last: list[Item] = []

    def place_named(self, word: str) -> Fixed | None:
        """The theme's own spot of that name."""
        name = self.theme.places.get(word)
        if name is None or name not in self.spots:
            return None
        self.fixed_used = True
        return Fixed(self.spots[name], word)

    def the_bases(self) -> Fixed:
        """All the bases at once, to be run round."""
        self.fixed_used = True
        return Fixed(self.spots["home"], BASES)

    def find(self, noun: Noun) -> list[Item]:
        """The objects a noun phrase means, made if need be."""
        if noun.kind == "pron":
            return self.last[-1:]
        kind = noun.key if noun.kind == "thing" else ObjectType.HOUSE
        if kind is ObjectType.BALL and noun.word in ("ball", "balls"):
            kind = BALL_OF.get(self.theme.set, kind)
        known = [
            item
            for item in self.items
            if item.kind == kind and (noun.color is None or item.color == noun.color)
        ]
        if known and not noun.other and (noun.definite or kind in _SHARED):
            found = known[-noun.count :] if noun.counted or noun.many else known[-1:]
        else:
            found = self.make(kind, noun)
        self.last = found
        return found

    def make(self, kind: ObjectType, noun: Noun | None = None) -> list[Item]:
        """New objects of a type, as many as the noun says. Raises ValueError for too many."""
        count = max(noun.count, 0) if noun else 1
        if len(self.items) + count > MAX_OBJECTS:
            raise ValueError(
                f"{len(self.items) + count:,} objects: at most {MAX_OBJECTS:,} fit on the stage"
            )
        made = []
        own = noun.word if noun else ""
        like = words().likenesses.get(own) or words().likenesses.get(own.removesuffix("s"))
        for _ in range(count):
            n = sum(item.kind == kind for item in self.items)
            made.append(
                Item(
                    id=kind.value if n == 0 else f"{kind.value}_{n + 1}",
                    kind=kind,
                    word=noun.word if noun else kind.value.replace("_", " "),
                    color=(noun.color if noun else None) or (like.color if like else None),
                    scale=(noun.size if noun else 1.0) * (like.scale if like else 1.0),
                )
            )
            self.items.append(made[-1])
        self.last = made
        return made

    def put(self, item: Item, x: float, y: float, heading: float | None = None) -> None:
        """Place an object at (x, y) m, or further off the viewer where it would overlap another."""
        if heading is not None:
            item.heading = heading
        if BODY_KINDS[item.kind] not in LOW:
            for _ in range(40):
                if not any(self._overlap(item, x, y, other) for other in self.items):
                    break
                y += 0.5
        item.spot = (x, y)

    def _overlap(self, item: Item, x: float, y: float, other: Item) -> bool:
        if other is item or other.spot is None or other.holder is not None:
            return False
        if BODY_KINDS[other.kind] in LOW:
            return False
        gap = hypot(x - other.spot[0], y - other.spot[1])
        return gap < item.reach + other.reach + 0.2

    def put_rest(self, middle: Spot) -> None:
        """Place the remaining objects in the background, behind the players."""
        waiting = [i for i in self.items if i.spot is None and i.holder is None and i.path is None]
        for k, item in enumerate(waiting):
            side = (k + 1) // 2 * (1 if k % 2 else -1)
            depth = 3.0 + item.reach if BODY_KINDS[item.kind] not in LOW else 0.8
            x = middle[0] + side * (2.0 * item.reach + 1.5) + float(self.rng.uniform(-0.3, 0.3))
            self.put(item, x, middle[1] + depth)


_SHARED: tuple[ObjectType, ...] = (ObjectType.PLANET,)


def standoff(target: Target, direction: Spot, radius: float) -> float:
    """Metres from a target's middle at which a player that comes along ``direction`` stops."""
    if isinstance(target, Fixed):
        return target.reach
    if isinstance(target, Player):
        return target.radius + radius + 0.45
    if BODY_KINDS[target.kind] in LOW:
        return 0.45
    if BODY_KINDS[target.kind] is BodyKind.BACKDROP:
        return target.reach + 2.0
    return target.extent((-direction[0], -direction[1])) + radius + CLEARANCE - 0.2


def seat_spots(item: Item, count: int) -> list[tuple[Spot, Spot, float]]:
    """For each of ``count`` sitters: where it sits, where it stands up (m), its heading (rad)."""
    length, width = item.size
    forward = (cos(item.heading), sin(item.heading))
    left = (-forward[1], forward[0])
    assert item.spot is not None
    spots = []
    for k in range(count):
        aside = (k - 0.5 * (count - 1)) * min(0.6, width / max(count, 1))
        base = item.spot[0] + aside * left[0], item.spot[1] + aside * left[1]
        near, far = 0.06, 0.5 * length + 0.30
        spots.append(
            (
                (base[0] + near * forward[0], base[1] + near * forward[1]),
                (base[0] + far * forward[0], base[1] + far * forward[1]),
                item.heading,
            )
        )
    return spots


def make_handy(item: Item) -> None:
    """Scale a rock or plant down to what a hand can lift or throw."""
    if BODY_KINDS[item.kind] is BodyKind.STATIC and item.path is None:
        most = HAND_FLAG_M if item.kind is ObjectType.FLAG else HANDY_M
        item.scale = min(item.scale, most / height_m(item.kind))


def is_held(kind: ObjectType) -> bool:
    """Whether objects of a type are held in a hand."""
    return kind in words().holdable


def bearing(a: Spot, b: Spot) -> float:
    """Heading from one spot to another, in rad."""
    return atan2(b[1] - a[1], b[0] - a[0])


def unit(a: Spot, b: Spot, otherwise: Spot = (1.0, 0.0)) -> Spot:
    """Direction from one spot to another; ``otherwise`` where they coincide."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    size = hypot(dx, dy)
    return (dx / size, dy / size) if size > 1e-6 else otherwise
