"""Every object: how tall it is, how much ground it takes, what it weighs, how it moves.

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

    STATIC = "static"  # a wall to everyone; moves only along its own path
    MOVABLE = "movable"  # pushed, with friction against the ground
    DRIVEN = "driven"  # goes where its path or velocity says and is not pushed back
    BALL = "ball"  # rolls, bounces and flies
    PROP = "prop"  # small: held or lying about, never in the way
    BACKDROP = "backdrop"  # drawn in the distance or the sky, no body


O = ObjectType
OBJECT_SCALES: dict[ObjectType, float] = {  # height in drawing units of 0.68 m
    O.TABLE: 1.1,  # seed: top height
    O.CHAIR: 0.65,  # seed: seat height
    O.CAR: 2.2,  # seed
    O.TREE: 15.0,  # seed
    O.BUILDING: 30.0,  # seed
    O.SPACESHIP: 25.0,  # seed
    O.PLANET: 50.0,  # seed
    O.BASEBALL: 0.1,  # seed
    O.FOOD: 0.3,  # seed
    # Below: metres / 0.68, from the named standard or an everyday measure.
    O.BENCH: 0.45 / UNIT_M,  # seat height of a park bench
    O.HOUSE: 7.5 / UNIT_M,  # two storeys and a roof
    O.ROCK: 0.8 / UNIT_M,  # a boulder one can climb on
    O.BOX: 0.5 / UNIT_M,  # a moving box
    O.BALL: 0.20 / UNIT_M,  # a playground ball
    O.BASKETBALL: 0.24 / UNIT_M,  # FIBA size 7: 75-77 cm round
    O.SOCCER_BALL: 0.22 / UNIT_M,  # IFAB Law 2: 68-70 cm round
    O.BAT: 0.86 / UNIT_M,  # a 34 inch bat, standing on its knob
    O.GLOVE: 0.30 / UNIT_M,  # a 12 inch glove
    O.BASE: 0.08 / UNIT_M,  # 3 inches thick (MLB rule 2.03 allows 3 to 5)
    O.GOAL: 2.44 / UNIT_M,  # IFAB Law 1
    O.HOOP: 3.95 / UNIT_M,  # FIBA: top of the backboard; its rim is at 3.05 m
    O.BICYCLE: 1.05 / UNIT_M,  # handlebar height
    O.LADDER: 4.0 / UNIT_M,
    O.LAMP: 5.0 / UNIT_M,  # a street lamp
    O.SIGN: 2.4 / UNIT_M,  # a road sign on its post
    O.FENCE: 1.1 / UNIT_M,
    O.CUP: 0.10 / UNIT_M,
    O.LAPTOP: 0.22 / UNIT_M,  # opened
    O.UFO: 3.0 / UNIT_M,
    O.STAR: 1.5 / UNIT_M,  # a drawn star, not a sun
    O.CLOUD: 3.0 / UNIT_M,
    O.BUSH: 1.0 / UNIT_M,
    O.BED: 0.50 / UNIT_M,  # top of the mattress
    O.SOFA: 0.42 / UNIT_M,  # seat height
    O.DOOR: 2.03 / UNIT_M,  # a 80 inch door leaf
    O.FLAG: 3.0 / UNIT_M,  # top of the pole
    O.BOOK: 0.24 / UNIT_M,
    O.PHONE: 0.15 / UNIT_M,
}


@dataclass(frozen=True, slots=True)
class Footprint:
    """Ground an object takes, as ratios of its height: length along its heading, width across."""

    length: float
    width: float
    round: bool = False


FOOTPRINTS: dict[ObjectType, Footprint] = {
    O.TABLE: Footprint(1.90, 1.10),
    O.CHAIR: Footprint(1.00, 1.00),
    O.CAR: Footprint(2.90, 1.20),
    O.TREE: Footprint(0.05, 0.05, round=True),
    O.BUILDING: Footprint(0.70, 0.60),
    O.SPACESHIP: Footprint(0.40, 0.40, round=True),
    O.PLANET: Footprint(1.00, 1.00, round=True),
    O.BASEBALL: Footprint(1.00, 1.00, round=True),
    O.FOOD: Footprint(1.20, 1.20, round=True),
    O.BENCH: Footprint(1.05, 3.40),
    O.HOUSE: Footprint(1.00, 1.25),
    O.ROCK: Footprint(1.40, 1.40, round=True),
    O.BOX: Footprint(1.20, 1.00),
    O.BALL: Footprint(1.00, 1.00, round=True),
    O.BASKETBALL: Footprint(1.00, 1.00, round=True),
    O.SOCCER_BALL: Footprint(1.00, 1.00, round=True),
    O.BAT: Footprint(0.076, 0.076, round=True),
    O.GLOVE: Footprint(0.50, 0.85),
    O.BASE: Footprint(4.76, 4.76),
    O.GOAL: Footprint(0.82, 3.00),
    O.HOOP: Footprint(0.10, 0.10, round=True),
    O.BICYCLE: Footprint(1.65, 0.45),
    O.LADDER: Footprint(0.08, 0.12),
    O.LAMP: Footprint(0.05, 0.05, round=True),
    O.SIGN: Footprint(0.04, 0.04, round=True),
    O.FENCE: Footprint(0.09, 2.40),
    O.CUP: Footprint(0.80, 0.80, round=True),
    O.LAPTOP: Footprint(1.10, 1.50),
    O.UFO: Footprint(3.00, 3.00, round=True),
    O.STAR: Footprint(0.30, 1.00),
    O.CLOUD: Footprint(0.90, 2.20),
    O.BUSH: Footprint(1.20, 1.20, round=True),
    O.BED: Footprint(4.00, 2.00),
    O.SOFA: Footprint(2.00, 4.50),
    O.DOOR: Footprint(0.05, 0.44),
    O.FLAG: Footprint(0.03, 0.03, round=True),
    O.BOOK: Footprint(0.15, 0.70),
    O.PHONE: Footprint(0.07, 0.48),
}

SPREADS: dict[ObjectType, tuple[float, float]] = {
    # Length and width of what overhangs the footprint: crown, arm, board, cloth, rotor.
    O.TREE: (0.62, 0.62),
    O.HOOP: (0.36, 0.46),
    O.LAMP: (0.05, 0.34),
    O.SIGN: (0.04, 0.32),
    O.FLAG: (0.03, 0.60),
    O.SPACESHIP: (0.56, 0.56),
}

BACKRESTS: dict[ObjectType, float] = {
    # Total height as a ratio of the table's height, where the table gives seat or top height.
    O.CHAIR: 2.05,
    O.BENCH: 1.90,
    O.SOFA: 2.00,
    O.BED: 1.80,
}

DENSITIES: dict[ObjectType, float] = {  # kg per m³ of the block height x length x width
    O.TABLE: 25.0,
    O.CHAIR: 60.0,
    O.CAR: 120.0,
    O.TREE: 600.0,
    O.BUILDING: 300.0,
    O.SPACESHIP: 100.0,
    O.PLANET: 3000.0,
    O.BASEBALL: 460.0,
    O.FOOD: 60.0,
    O.BENCH: 130.0,
    O.HOUSE: 200.0,
    O.ROCK: 1400.0,
    O.BOX: 60.0,
    O.BALL: 30.0,
    O.BASKETBALL: 45.0,
    O.SOCCER_BALL: 41.0,
    O.BAT: 240.0,
    O.GLOVE: 55.0,
    O.BASE: 350.0,
    O.GOAL: 3.0,
    O.HOOP: 300.0,
    O.BICYCLE: 18.0,
    O.LADDER: 60.0,
    O.LAMP: 400.0,
    O.SIGN: 400.0,
    O.FENCE: 150.0,
    O.CUP: 400.0,
    O.LAPTOP: 100.0,
    O.UFO: 30.0,
    O.STAR: 1.0,
    O.CLOUD: 1.0,
    O.BUSH: 30.0,
    O.BED: 60.0,
    O.SOFA: 60.0,
    O.DOOR: 250.0,
    O.FLAG: 400.0,
    O.BOOK: 300.0,
    O.PHONE: 1600.0,
}

BODY_KINDS: dict[ObjectType, BodyKind] = {
    O.TABLE: BodyKind.MOVABLE,
    O.CHAIR: BodyKind.MOVABLE,
    O.CAR: BodyKind.DRIVEN,
    O.TREE: BodyKind.STATIC,
    O.BUILDING: BodyKind.STATIC,
    O.SPACESHIP: BodyKind.STATIC,
    O.PLANET: BodyKind.BACKDROP,
    O.BASEBALL: BodyKind.BALL,
    O.FOOD: BodyKind.PROP,
    O.BENCH: BodyKind.STATIC,
    O.HOUSE: BodyKind.STATIC,
    O.ROCK: BodyKind.STATIC,
    O.BOX: BodyKind.MOVABLE,
    O.BALL: BodyKind.BALL,
    O.BASKETBALL: BodyKind.BALL,
    O.SOCCER_BALL: BodyKind.BALL,
    O.BAT: BodyKind.PROP,
    O.GLOVE: BodyKind.PROP,
    O.BASE: BodyKind.PROP,
    O.GOAL: BodyKind.STATIC,
    O.HOOP: BodyKind.STATIC,
    O.BICYCLE: BodyKind.MOVABLE,
    O.LADDER: BodyKind.STATIC,
    O.LAMP: BodyKind.STATIC,
    O.SIGN: BodyKind.STATIC,
    O.FENCE: BodyKind.STATIC,
    O.CUP: BodyKind.PROP,
    O.LAPTOP: BodyKind.PROP,
    O.UFO: BodyKind.DRIVEN,
    O.STAR: BodyKind.BACKDROP,
    O.CLOUD: BodyKind.BACKDROP,
    O.BUSH: BodyKind.STATIC,
    O.BED: BodyKind.STATIC,
    O.SOFA: BodyKind.MOVABLE,
    O.DOOR: BodyKind.STATIC,
    O.FLAG: BodyKind.STATIC,
    O.BOOK: BodyKind.PROP,
    O.PHONE: BodyKind.PROP,
}
del O


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
