"""Every object type: height, footprint, mass and how physics treats it.

Body and drawing both derive from ``OBJECT_SCALES[type] * scale * UNIT_M`` and the ratios here.
"""

from dataclasses import dataclass
from enum import StrEnum

from entities.units import UNIT_M


class ObjectType(StrEnum):
    """An object; the value is its name in scene files."""

    TABLE = "table"
    CHAIR = "chair"
    CAR = "car"
    TREE = "tree"
    BUILDING = "building"
    SPACESHIP = "spaceship"
    PLANET = "planet"
    BASEBALL = "baseball"
    FOOD = "food"
    BENCH = "bench"
    HOUSE = "house"
    ROCK = "rock"
    BOX = "box"
    BALL = "ball"
    BASKETBALL = "basketball"
    SOCCER_BALL = "soccer_ball"
    BAT = "bat"
    GLOVE = "glove"
    BASE = "base"
    GOAL = "goal"
    HOOP = "hoop"
    BICYCLE = "bicycle"
    LADDER = "ladder"
    LAMP = "lamp"
    SIGN = "sign"
    FENCE = "fence"
    CUP = "cup"
    LAPTOP = "laptop"
    UFO = "ufo"
    STAR = "star"
    CLOUD = "cloud"
    BUSH = "bush"
    BED = "bed"
    SOFA = "sofa"
    DOOR = "door"
    FLAG = "flag"
    BOOK = "book"
    PHONE = "phone"


class BodyKind(StrEnum):
    """How physics treats an object."""

    STATIC = "static"  # blocks everything; moves only along its own path
    MOVABLE = "movable"  # pushed, with friction against the ground
    DRIVEN = "driven"  # follows its path or velocity and cannot be pushed
    BALL = "ball"  # rolls, bounces and flies
    PROP = "prop"  # small: held or on the ground, never an obstacle
    BACKDROP = "backdrop"  # drawn in the distance or the sky, without a body


OBJECT_TYPES = list(ObjectType)
OBJECT_INDEX: dict[ObjectType, int] = {kind: i for i, kind in enumerate(OBJECT_TYPES)}
BODY_KIND_INDEX: dict[BodyKind, int] = {kind: i for i, kind in enumerate(BodyKind)}
"""Positions in the enums, as ``Thing.kind`` and ``Body.kind`` hold them."""

T = ObjectType
OBJECT_SCALES: dict[ObjectType, float] = {  # height in drawing units of 0.68 m
    T.TABLE: 1.1,  # seed: top height
    T.CHAIR: 0.65,  # seed: seat height
    T.CAR: 2.2,  # seed
    T.TREE: 15.0,  # seed
    T.BUILDING: 30.0,  # seed
    T.SPACESHIP: 25.0,  # seed
    T.PLANET: 50.0,  # seed
    T.BASEBALL: 0.1,  # seed
    T.FOOD: 0.3,  # seed
    # Below: metres / 0.68, from the named standard or an everyday measure.
    T.BENCH: 0.45 / UNIT_M,  # seat height of a park bench
    T.HOUSE: 7.5 / UNIT_M,  # two storeys and a roof
    T.ROCK: 0.8 / UNIT_M,  # a boulder one can climb on
    T.BOX: 0.5 / UNIT_M,  # a moving box
    T.BALL: 0.20 / UNIT_M,  # a playground ball
    T.BASKETBALL: 0.24 / UNIT_M,  # FIBA size 7: 75-77 cm round
    T.SOCCER_BALL: 0.22 / UNIT_M,  # IFAB Law 2: 68-70 cm round
    T.BAT: 0.86 / UNIT_M,  # a 34 inch bat, standing on its knob
    T.GLOVE: 0.30 / UNIT_M,  # a 12 inch glove
    T.BASE: 0.08 / UNIT_M,  # 3 inches thick (MLB rule 2.03 allows 3 to 5)
    T.GOAL: 2.44 / UNIT_M,  # IFAB Law 1
    T.HOOP: 3.95 / UNIT_M,  # FIBA: top of the backboard; its rim is at 3.05 m
    T.BICYCLE: 1.05 / UNIT_M,  # handlebar height
    T.LADDER: 4.0 / UNIT_M,
    T.LAMP: 5.0 / UNIT_M,  # a street lamp
    T.SIGN: 2.4 / UNIT_M,  # a road sign on its post
    T.FENCE: 1.1 / UNIT_M,
    T.CUP: 0.10 / UNIT_M,
    T.LAPTOP: 0.22 / UNIT_M,  # opened
    T.UFO: 3.0 / UNIT_M,
    T.STAR: 1.5 / UNIT_M,  # a drawn star, not a sun
    T.CLOUD: 3.0 / UNIT_M,
    T.BUSH: 1.0 / UNIT_M,
    T.BED: 0.50 / UNIT_M,  # top of the mattress
    T.SOFA: 0.42 / UNIT_M,  # seat height
    T.DOOR: 2.03 / UNIT_M,  # a 80 inch door leaf
    T.FLAG: 3.0 / UNIT_M,  # top of the pole
    T.BOOK: 0.24 / UNIT_M,
    T.PHONE: 0.15 / UNIT_M,
}


@dataclass(frozen=True, slots=True)
class Footprint:
    """The ground an object covers, as ratios of its height: length along its heading, and width."""

    length: float
    width: float
    round: bool = False


FOOTPRINTS: dict[ObjectType, Footprint] = {
    T.TABLE: Footprint(1.90, 1.10),
    T.CHAIR: Footprint(1.00, 1.00),
    T.CAR: Footprint(2.90, 1.20),
    T.TREE: Footprint(0.05, 0.05, round=True),
    T.BUILDING: Footprint(0.70, 0.60),
    T.SPACESHIP: Footprint(0.40, 0.40, round=True),
    T.PLANET: Footprint(1.00, 1.00, round=True),
    T.BASEBALL: Footprint(1.00, 1.00, round=True),
    T.FOOD: Footprint(1.20, 1.20, round=True),
    T.BENCH: Footprint(1.05, 3.40),
    T.HOUSE: Footprint(1.00, 1.25),
    T.ROCK: Footprint(1.40, 1.40, round=True),
    T.BOX: Footprint(1.20, 1.00),
    T.BALL: Footprint(1.00, 1.00, round=True),
    T.BASKETBALL: Footprint(1.00, 1.00, round=True),
    T.SOCCER_BALL: Footprint(1.00, 1.00, round=True),
    T.BAT: Footprint(0.076, 0.076, round=True),
    T.GLOVE: Footprint(0.50, 0.85),
    T.BASE: Footprint(4.76, 4.76),
    T.GOAL: Footprint(0.82, 3.00),
    T.HOOP: Footprint(0.10, 0.10, round=True),
    T.BICYCLE: Footprint(1.65, 0.45),
    T.LADDER: Footprint(0.08, 0.12),
    T.LAMP: Footprint(0.05, 0.05, round=True),
    T.SIGN: Footprint(0.04, 0.04, round=True),
    T.FENCE: Footprint(0.09, 2.40),
    T.CUP: Footprint(0.80, 0.80, round=True),
    T.LAPTOP: Footprint(1.10, 1.50),
    T.UFO: Footprint(3.00, 3.00, round=True),
    T.STAR: Footprint(0.30, 1.00),
    T.CLOUD: Footprint(0.90, 2.20),
    T.BUSH: Footprint(1.20, 1.20, round=True),
    T.BED: Footprint(4.00, 2.00),
    T.SOFA: Footprint(2.00, 4.50),
    T.DOOR: Footprint(0.44, 0.44),  # with its leaf open
    T.FLAG: Footprint(0.03, 0.03, round=True),
    T.BOOK: Footprint(0.15, 0.70),
    T.PHONE: Footprint(0.07, 0.48),
}

SPREADS: dict[ObjectType, tuple[float, float]] = {
    # Length and width of what overhangs the footprint: crown, arm, board, cloth, rotor.
    T.TREE: (0.62, 0.62),
    T.HOOP: (0.36, 0.46),
    T.LAMP: (0.05, 0.34),
    T.SIGN: (0.04, 0.32),
    T.FLAG: (0.03, 0.60),
    T.SPACESHIP: (0.56, 0.56),
}

ALTITUDES: dict[ObjectType, float] = {  # m, height of the base where the scene gives none
    T.STAR: 14.0,
    T.CLOUD: 18.0,
    T.UFO: 4.0,
    T.PLANET: 10.0,
}

DENSITIES: dict[ObjectType, float] = {  # kg per m³ of the block height x length x width
    T.TABLE: 25.0,
    T.CHAIR: 60.0,
    T.CAR: 120.0,
    T.TREE: 600.0,
    T.BUILDING: 300.0,
    T.SPACESHIP: 100.0,
    T.PLANET: 3000.0,
    T.BASEBALL: 460.0,
    T.FOOD: 60.0,
    T.BENCH: 130.0,
    T.HOUSE: 200.0,
    T.ROCK: 1400.0,
    T.BOX: 60.0,
    T.BALL: 30.0,
    T.BASKETBALL: 45.0,
    T.SOCCER_BALL: 41.0,
    T.BAT: 240.0,
    T.GLOVE: 55.0,
    T.BASE: 350.0,
    T.GOAL: 3.0,
    T.HOOP: 300.0,
    T.BICYCLE: 18.0,
    T.LADDER: 60.0,
    T.LAMP: 400.0,
    T.SIGN: 400.0,
    T.FENCE: 150.0,
    T.CUP: 400.0,
    T.LAPTOP: 100.0,
    T.UFO: 30.0,
    T.STAR: 1.0,
    T.CLOUD: 1.0,
    T.BUSH: 30.0,
    T.BED: 60.0,
    T.SOFA: 60.0,
    T.DOOR: 30.0,
    T.FLAG: 400.0,
    T.BOOK: 300.0,
    T.PHONE: 1600.0,
}

BODY_KINDS: dict[ObjectType, BodyKind] = {
    T.TABLE: BodyKind.MOVABLE,
    T.CHAIR: BodyKind.MOVABLE,
    T.CAR: BodyKind.DRIVEN,
    T.TREE: BodyKind.STATIC,
    T.BUILDING: BodyKind.STATIC,
    T.SPACESHIP: BodyKind.STATIC,
    T.PLANET: BodyKind.BACKDROP,
    T.BASEBALL: BodyKind.BALL,
    T.FOOD: BodyKind.PROP,
    T.BENCH: BodyKind.STATIC,
    T.HOUSE: BodyKind.STATIC,
    T.ROCK: BodyKind.STATIC,
    T.BOX: BodyKind.MOVABLE,
    T.BALL: BodyKind.BALL,
    T.BASKETBALL: BodyKind.BALL,
    T.SOCCER_BALL: BodyKind.BALL,
    T.BAT: BodyKind.PROP,
    T.GLOVE: BodyKind.PROP,
    T.BASE: BodyKind.PROP,
    T.GOAL: BodyKind.STATIC,
    T.HOOP: BodyKind.STATIC,
    T.BICYCLE: BodyKind.MOVABLE,
    T.LADDER: BodyKind.STATIC,
    T.LAMP: BodyKind.STATIC,
    T.SIGN: BodyKind.STATIC,
    T.FENCE: BodyKind.STATIC,
    T.CUP: BodyKind.PROP,
    T.LAPTOP: BodyKind.PROP,
    T.UFO: BodyKind.DRIVEN,
    T.STAR: BodyKind.BACKDROP,
    T.CLOUD: BodyKind.BACKDROP,
    T.BUSH: BodyKind.STATIC,
    T.BED: BodyKind.STATIC,
    T.SOFA: BodyKind.MOVABLE,
    T.DOOR: BodyKind.PROP,  # it stands open: one walks through
    T.FLAG: BodyKind.STATIC,
    T.BOOK: BodyKind.PROP,
    T.PHONE: BodyKind.PROP,
}
del T


SEATS: frozenset[ObjectType] = frozenset(
    {
        ObjectType.CHAIR,
        ObjectType.BENCH,
        ObjectType.SOFA,
        ObjectType.BED,
        ObjectType.BICYCLE,
        ObjectType.LADDER,
    }
)
"""Objects that an actor can be on: while it uses one, it is inside its footprint."""


def height_m(kind: ObjectType, scale: float = 1.0) -> float:
    """Height of an object in metres (seat or top height for furniture)."""
    return OBJECT_SCALES[kind] * scale * UNIT_M


def footprint_m(kind: ObjectType, scale: float = 1.0) -> tuple[float, float]:
    """Length along the heading and width across it, in metres."""
    ratio, height = FOOTPRINTS[kind], height_m(kind, scale)
    return ratio.length * height, ratio.width * height


def mass_kg(kind: ObjectType, scale: float = 1.0) -> float:
    """Mass of an object in kilograms."""
    length, width = footprint_m(kind, scale)
    return DENSITIES[kind] * height_m(kind, scale) * length * width
