"""The World: entities, their components, time and the one random generator."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from entities.components import Component, Contacts, Mark
from entities.units import DT, EARTH_GRAVITY

MARK_TICKS = 90
"""Ticks for which marks are kept: dust has settled after 1.5 s."""

C = TypeVar("C", bound=Component)
Rows = slice | np.ndarray
"""Rows of a table: a slice where they are contiguous, else their indices."""

_NO_IDS = np.zeros(0, np.int64)


class World(dict[type[Component], Component]):
    """Component tables, and the ids of the entities that own their rows.

    ``world[Transform]`` is a table. Systems look tables up so often that the World is a dict
    itself: an item of a dict is the fastest lookup there is.
    """

    def __init__(self, seed: int = 0, gravity: float = EARTH_GRAVITY) -> None:
        super().__init__()
        self.tick = 0
        self.gravity = gravity
        self.rng = np.random.default_rng(seed)
        self.contacts = Contacts.none()
        self.marks: list[Mark] = []
        self._ids: dict[type[Component], np.ndarray] = {}
        self._next_id = 0
        self._despawned: set[int] = set()
        self._queries: dict[tuple[type[Component], ...], tuple[np.ndarray, tuple[Rows, ...]]] = {}

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self.tick * DT

    def spawn(self, *tables: Component) -> np.ndarray:
        """Add entities, one for each row of ``tables``; returns their ids.

        Raises ValueError if the tables are not equally long.
        """
        count = len(tables[0])
        if any(len(table) != count for table in tables):
            raise ValueError(f"spawn: tables have {[len(t) for t in tables]} rows; expected equal")
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        for table in tables:
            self._insert(table, ids)
        return ids

    def spawn_before(self, first: int, *tables: Component) -> np.ndarray:
        """Add entities with the ids from ``first`` on; those that had them move up.

        So the actors stay in front of the objects. Every column of entity ids follows. Tables are
        replaced, so whoever holds one from before keeps its rows. Returns the new ids.
        """
        count = len(tables[0])
        for kind, ids in self._ids.items():
            self._ids[kind] = ids + count * (ids >= first)
            self[kind].renumber(first, count)
        for ids in (self.contacts.first, self.contacts.second):
            ids += count * (ids >= first)
        self._next_id += count
        new = np.arange(first, first + count)
        for table in tables:
            self._insert(table, new)
        return new

    def _insert(self, table: Component, new: np.ndarray) -> None:
        """Put rows in the place of their ids, ``new``, which no other row has."""
        kind = type(table)
        self._queries.clear()
        if kind not in self:
            self[kind], self._ids[kind] = table, new
            return
        ids = self._ids[kind]
        at = int(np.searchsorted(ids, new[0])) if len(new) else len(ids)
        self[kind] = self[kind].with_rows(table, at)
        self._ids[kind] = np.concatenate([ids[:at], new, ids[at:]])

    def despawn(self, entity: int) -> None:
        """Remove an entity at the end of the tick."""
        self._despawned.add(int(entity))

    def end_tick(self) -> None:
        """Advance time by one tick, drop old marks and remove despawned entities."""
        self.tick += 1
        while self.marks and self.marks[0].tick < self.tick - MARK_TICKS:
            self.marks.pop(0)
        if not self._despawned:
            return
        despawned = np.fromiter(self._despawned, np.int64)
        for kind, ids in self._ids.items():
            keep = ~np.isin(ids, despawned)
            self[kind].keep(keep)
            self._ids[kind] = ids[keep]
        self._despawned.clear()
        self._queries.clear()

    if TYPE_CHECKING:

        def __getitem__(self, kind: type[C]) -> C: ...

    def ids(self, kind: type[Component]) -> np.ndarray:
        """Entity ids of a table's rows, ascending."""
        return self._ids.get(kind, _NO_IDS)

    def query(self, *kinds: type[Component]) -> tuple[np.ndarray, tuple[Rows, ...]]:
        """Ids, ascending, of the entities that have all ``kinds``, and their rows in each table.

        Rows that are contiguous come as a slice, so that ``table.column[rows]`` is a view and a
        system may write through it.
        """
        found = self._queries.get(kinds)
        if found is None:
            ids = self.ids(kinds[0])
            for kind in kinds[1:]:
                ids = np.intersect1d(ids, self.ids(kind), assume_unique=True)
            found = ids, tuple(as_rows(np.searchsorted(self.ids(kind), ids)) for kind in kinds)
            self._queries[kinds] = found
        return found

    def row(self, kind: type[Component], entity: int) -> int:
        """Row of an entity in a table. Raises KeyError if the entity has no such component."""
        ids = self.ids(kind)
        at = int(np.searchsorted(ids, entity))
        if at == len(ids) or ids[at] != entity:
            raise KeyError(f"entity {entity} has no {kind.__name__}")
        return at


def on_ground(vectors: np.ndarray) -> np.ndarray:
    """Ground components of vectors (N, 2) or (N, 3) as complex numbers (N,), x + iy; a view.

    Complex numbers turn and compare directions in one product.
    """
    return vectors[:, :2].view(complex)[:, 0]


def some(mask: np.ndarray) -> bool:
    """Whether any entry of a bool array is set; ten times as fast as ``any`` on few rows."""
    return 1 in mask.tobytes()


def every(mask: np.ndarray) -> bool:
    """Whether every entry of a bool array is set; see ``some``."""
    return 0 not in mask.tobytes()


def as_rows(indices: np.ndarray) -> Rows:
    """Ascending ``indices`` (K,) as Rows: a slice where they are contiguous."""
    if len(indices) == 0:
        return slice(0, 0)
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices
