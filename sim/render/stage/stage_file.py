"""The format of a stage file: named places, the ground, and what stands on and beyond it.

World metres throughout: x right, y away from the camera's start, z up. Colours are those at a clear
noon; the light comes from the sky. A bound that is null is open.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from entities.stages import stage_path
from sim.render.geometry.shapes import Hex

Spot = tuple[float, float]
Range = tuple[float, float]
Bounds = tuple[float | None, float | None]
Positive = Annotated[float, Field(gt=0.0)]


class Part(BaseModel):
    """Base of all parts of a stage file: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Stripes(Part):
    """Bars across an axis, repeated along it: paving joints, lane dashes, mown grass."""

    axis: Literal["x", "y"]
    period: Positive
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5  # of the period a bar fills
    offset: float = 0.0
    along: Bounds = (None, None)
    across: Bounds = (None, None)
    reach: Positive = 60.0  # m from the camera at which they have faded out


class Mark(Part):
    """A mark on the ground, with exactly one shape."""

    color: Hex
    polygon: list[Spot] | None = None
    disc: tuple[float, float, float] | None = None  # x, y, radius
    ring: tuple[float, float, float, float, float] | None = None  # x, y, radius, from, to (rad)
    line: list[Spot] | None = None
    width: Positive = 0.10  # of rings and lines
    band: Bounds | None = None  # an endless strip between two values of the other axis
    axis: Literal["x", "y"] = "x"  # along which a band runs
    stripes: Stripes | None = None
    under: Hex | None = None  # colour below it, into which thin marks fade; else the ground's

    @model_validator(mode="after")
    def _one_shape(self) -> "Mark":
        names = ("polygon", "disc", "ring", "line", "band", "stripes")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a mark has {given}; expected exactly one of {names}")
        return self


class Specks(Part):
    """Specks strewn on the ground, at most one per cell."""

    kind: Literal["tuft", "pebble", "flower", "crater", "wave", "shell", "leaf"]
    colors: list[Hex]
    cell: Positive = 1.5
    chance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6
    size: Range = (0.08, 0.2)  # m
    reach: Positive = 40.0
    # Boxes, each x range and y range; without any ``inside`` they are everywhere.
    inside: list[tuple[Bounds, Bounds]] = Field(default_factory=list)
    outside: list[tuple[Bounds, Bounds]] = Field(default_factory=list)
    drift: Spot = (0.0, 0.0)  # m/s


class Ridge(Part):
    """Silhouettes in the distance on all sides, at most one per cell, none nearer than the band."""

    kind: Literal["hills", "mountains", "woods", "skyline", "dunes"]
    color: Hex
    distance: Range  # m from the camera, the band
    cell: Positive
    height: Range
    width: Range
    chance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.85
    only: Bounds = (None, None)  # range of world y


class Items(Part):
    """Items of scenery: props or shapes of assets/stages/dressing, one picked at random."""

    items: Annotated[list[str], Field(min_length=1)]
    size: Range = (1.0, 1.0)  # m per unit of the shape; a prop's unit is its height
    colors: list[Hex] = Field(default_factory=list)
    heading: float | None = None  # rad; null: any
    back: bool = False  # no actor ever stands behind it, so it is drawn before all actors
    one_sided: bool = False  # not drawn for a camera behind it
    halo: tuple[float, float] | None = None  # height and radius (m) of its light at night
    shadow: float = 0.0  # radius of its shadow on the ground, per unit


class Fixture(Items):
    """Items at given places."""

    at: list[tuple[float, float, float] | Spot]


class Row(Items):
    """Items along a line, endless or bounded."""

    axis: Literal["x", "y"] = "x"
    offset: float  # where the line is on the other axis
    every: Positive
    phase: float = 0.0
    jitter: Spot = (0.0, 0.0)  # m along and across
    chance: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    along: Bounds = (None, None)
    reach: Positive = 160.0


class Scatter(Items):
    """Items strewn over the ground, at most one per cell."""

    cell: Positive
    chance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    reach: Positive = 150.0
    keep_out: list[tuple[Bounds, Bounds]] = Field(default_factory=list)


class Stand(Part):
    """A grandstand with a crowd along a line, which faces the line's right-hand side."""

    line: Annotated[list[Spot], Field(min_length=2)]
    rows: Annotated[int, Field(ge=1, le=60)]
    step: Positive = 0.85
    rise: Positive = 0.45
    base: float = 1.0  # m, front wall
    spacing: Positive = 0.9
    fill: Annotated[float, Field(ge=0.0, le=1.0)] = 0.75
    seats: Hex = "#4a6b8a"
    wall: Hex = "#5d6b78"
    back: float = 0.0  # m the back wall rises above the last row
    roof: bool = False


class Wall(Part):
    """A fence or wall along a line, seen from the line's right-hand side only."""

    line: Annotated[list[Spot], Field(min_length=2)]
    bottom: float = 0.0
    top: Positive
    color: Hex
    cap: Hex | None = None


class Hall(Part):
    """Indoors: a ceiling instead of a sky."""

    ceiling: Hex
    height: Positive
    beams: Hex | None = None
    beam_every: Positive = 3.0


class StageFile(Part):
    """A stage."""

    about: str
    sky: Literal["open", "space", "hall"] = "open"
    hall: Hall | None = None
    ground: Hex
    far_ground: Hex | None = None  # colour of the ground far away
    places: dict[str, Spot] = Field(default_factory=dict)
    marks: list[Mark] = Field(default_factory=list)
    specks: list[Specks] = Field(default_factory=list)
    ridges: list[Ridge] = Field(default_factory=list)
    walls: list[Wall] = Field(default_factory=list)
    stands: list[Stand] = Field(default_factory=list)
    fixtures: list[Fixture] = Field(default_factory=list)
    rows: list[Row] = Field(default_factory=list)
    scatter: list[Scatter] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ceiling(self) -> "StageFile":
        if (self.sky == "hall") != (self.hall is not None):
            raise ValueError(f"sky: {self.sky!r} but hall is {self.hall}; give both or neither")
        return self


def load_stage(theme: str) -> StageFile:
    """The stage file of a theme. Raises pydantic's ValidationError naming the field."""
    return StageFile.model_validate_json(stage_path(theme).read_text(encoding="utf-8"))
