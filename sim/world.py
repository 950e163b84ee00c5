"""The World: entities, their components, time and the one random generator."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from entities.components import Component, Contacts, Mark
from entities.units import DT, EARTH_GRAVITY

MARK_TICKS = 90
"""Marks are kept this long: dust has settled after 1.5 s."""

C = TypeVar("C", bound=Component)
Rows = slice | np.ndarray


_NO_IDS = np.zeros(0, np.int64)


class World(dict[type[Component], Component]):
    """Tables of components and the entities that own their rows.

    ``world[Transform]`` is a table, looked up so often that it had better be a plain dict's item.
    ``query(A, B)`` gives the ids that have both and the rows of each table that belong to them,
    in ascending id. Where those rows are contiguous they come as a slice, so that
    ``table.column[rows]`` is a view and a system may write through it.
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
        self._doomed: set[int] = set()
        self._queries: dict[tuple[type[Component], ...], tuple[np.ndarray, tuple[Rows, ...]]] = {}

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self.tick * DT

    def spawn(self, *tables: Component) -> np.ndarray:
        """New entities, one per row of ``tables`` (all equally long); returns their ids."""
        count = len(tables[0])
        if any(len(table) != count for table in tables):
            raise ValueError(f"spawn: tables have {[len(t) for t in tables]} rows; expected equal")
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        for table in tables:
            kind = type(table)
            if kind in self:
                self[kind].extend(table)
                self._ids[kind] = np.concatenate([self._ids[kind], ids])
            else:
                self[kind], self._ids[kind] = table, ids
        self._queries.clear()
        return ids

    def despawn(self, entity: int) -> None:
        """Remove an entity at the end of the tick."""
        self._doomed.add(int(entity))

    def end_tick(self) -> None:
        """Advance time by one tick and bury the despawned."""
        self.tick += 1
        while self.marks and self.marks[0].tick < self.tick - MARK_TICKS:
            self.marks.pop(0)
        if not self._doomed:
            return
        doomed = np.fromiter(self._doomed, np.int64)
        for kind, ids in self._ids.items():
            keep = ~np.isin(ids, doomed)
            self[kind].keep(keep)
            self._ids[kind] = ids[keep]
        self._doomed.clear()
        self._queries.clear()

    if TYPE_CHECKING:

        def __getitem__(self, kind: type[C]) -> C: ...

    def ids(self, kind: type[Component]) -> np.ndarray:
        """Entity ids of a table's rows, ascending."""
        return self._ids.get(kind, _NO_IDS)

    def query(self, *kinds: type[Component]) -> tuple[np.ndarray, tuple[Rows, ...]]:
        """Ids of the entities that have all ``kinds``, and their rows in each table."""
        found = self._queries.get(kinds)
        if found is None:
            ids = self.ids(kinds[0])
            for kind in kinds[1:]:
                ids = np.intersect1d(ids, self.ids(kind), assume_unique=True)
            found = ids, tuple(as_rows(np.searchsorted(self.ids(kind), ids)) for kind in kinds)
            self._queries[kinds] = found
        return found

    def row(self, kind: type[Component], entity: int) -> int:
        """Row of one entity in a table. Raises KeyError if it has no such component."""
        ids = self.ids(kind)
        at = int(np.searchsorted(ids, entity))
        if at == len(ids) or ids[at] != entity:
            raise KeyError(f"entity {entity} has no {kind.__name__}")
        return at

    def get(self, kind: type[Component], entity: int) -> dict[str, object]:
        """One entity's component; its array entries are views of the table's rows."""
        row = self.row(kind, entity)
        return self[kind].row(row)


def on_ground(vectors: np.ndarray) -> np.ndarray:
    """(N,) x + iy of vectors (N, 2) or (N, 3), a view: one product turns or compares them."""
    return vectors[:, :2].view(complex)[:, 0]


def some(mask: np.ndarray) -> bool:
    """Whether anything in a mask (bool, any shape) is set; on few rows ``any`` costs ten times."""
    return 1 in mask.tobytes()


def every(mask: np.ndarray) -> bool:
    """Whether everything in a mask (bool, any shape) is set."""
    return 0 not in mask.tobytes()


def as_rows(indices: np.ndarray) -> Rows:
    """``indices`` (K,) ascending as a slice where they are contiguous, so that taking is a view."""
    if len(indices) == 0:
        return slice(0, 0)
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices
