"""Objects on stage: made when first named, placed so that the sentence comes true."""

from collections import Counter
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np

from entities.actions import ActionType
from entities.objects import BODY_KINDS, BodyKind, ObjectType, footprint_m, height_m
from entities.scene import MAX_OBJECTS
from entities.stages import places
from sim.story.language.lexicon import Theme, words
from sim.story.language.phrases import Noun
from sim.story.staging.cast import Player
from sim.story.staging.floor import Floor
from sim.story.staging.grid import Grid
from sim.story.staging.starts import Starts
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
BALLS = (ObjectType.BALL, ObjectType.BASEBALL, ObjectType.BASKETBALL, ObjectType.SOCCER_BALL)
THROWS: dict[ActionType, float] = {  # m to the target of the ball (choice)
    ActionType.THROWING: 7.0, ActionType.PITCHING: 18.44, ActionType.KICKING: 8.0,
    ActionType.SHOOTING: 4.6, ActionType.HEADER: 4.0, ActionType.BOWLING: 10.0,
}  # fmt: skip
LOW = (BodyKind.PROP, BodyKind.BALL)
MARGIN_M = 0.1
"""Metres round an object that no other stands in."""
FEW = 100
"""With more tall objects than this, room is looked for in wider steps (choice)."""
IN_ROW = 40
"""Objects in the background beside one another; more stand behind them (choice)."""
LEAST_SCALE = 0.01
"""The smallest scale of an object in a scene."""
ROOM_M = 0.25
"""Metres round a thing that is brought on, to whoever and whatever stands there (choice)."""


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
    present: bool = False  # in a running scene: stands there already

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
        self.floor: Floor | None = None  # of a running scene
        self.taken: set[str] = set()  # ids that others than new objects have
        self._counts: Counter[ObjectType] = Counter()  # of the first objects
        self._ids: set[str] = set()  # of the same
        self._tall: list[Item] = []  # of the same: those that others keep clear of
        self._ground: Grid[Item] = Grid(8.0)  # where the tall ones are

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
        self._take_in()
        n = self._counts[kind]
        for _ in range(count):
            n += 1
            ident = kind.value if n == 1 else f"{kind.value}_{n}"
            while ident in self.taken or ident in self._ids:
                n += 1
                ident = f"{kind.value}_{n}"
            made.append(
                Item(
                    id=ident,
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
        """Place an object at (x, y) m, or further off the viewer where it would overlap another.

        In a running scene it is put where it is clear of everybody, too.
        """
        if heading is not None:
            item.heading = heading
        if self.floor is not None and BODY_KINDS[item.kind] not in LOW:
            x, y = self.floor.nearest((x, y), item.reach + ROOM_M)
            self.floor.take((x, y), item.reach)
        elif BODY_KINDS[item.kind] not in LOW:
            self._take_in()
            known = self._ground.spots
            for other in [o for o in self._tall if o.spot is not known.get(o)]:
                if other.spot is None:
                    self._ground.remove(other)
                else:
                    self._ground.put(other, other.spot, other.reach + MARGIN_M)
            step = 0.5 if len(self._tall) <= FEW else max(item.reach, 0.5)
            for _ in range(40):
                if self._is_clear(item, item.reach, (x, y)):
                    break
                y += step
        item.spot = (x, y)

    def _is_clear(self, item: Item, reach: float, spot: Spot) -> bool:
        """Whether an object of ``reach`` m would overlap no other at a spot."""
        for other in self._ground.near(spot, reach + MARGIN_M):
            if other is item or other.holder is not None:
                continue
            gap = hypot(spot[0] - other.spot[0], spot[1] - other.spot[1])
            if gap < reach + other.reach + 2.0 * MARGIN_M:
                return False
        return True

    def _take_in(self) -> None:
        """Count the objects that are new."""
        fresh = self.items[self._counts.total() :]
        self._counts.update(item.kind for item in fresh)
        self._ids.update(item.id for item in fresh)
        self._tall += [item for item in fresh if BODY_KINDS[item.kind] not in LOW]

    def put_rest(self, middle: Spot) -> None:
        """Place the remaining objects in the background, behind the players, and undo heaps."""
        lying = Starts()
        for item in self.items:
            if item.spot is not None and item.holder is None and item.path is None and not item.z:
                item.spot = lying.put(item, item.spot)
        waiting = [i for i in self.items if i.spot is None and i.holder is None and i.path is None]
        for number, item in enumerate(waiting):
            row, k = divmod(number, IN_ROW)
            side = (k + 1) // 2 * (1 if k % 2 else -1)
            depth = 3.0 + item.reach if BODY_KINDS[item.kind] not in LOW else 0.8
            depth += row * (2.0 * item.reach + 1.5)
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
    if BODY_KINDS[item.kind] is BodyKind.STATIC and item.path is None and not item.present:
        most = HAND_FLAG_M if item.kind is ObjectType.FLAG else HANDY_M
        item.scale = max(min(item.scale, most / height_m(item.kind)), LEAST_SCALE)


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
