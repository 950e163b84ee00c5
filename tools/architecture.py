"""``python -m tools.architecture``: the program's rooms and the arrows between them, as an SVG.

A room is a package, or a group of modules that stand beside packages; an arrow is an import that
really stands in the code. Arrows that follow from others (a needs b, b needs c, so a needs c) are
left out. A room stands above all that it needs.
"""

import ast
import textwrap
from collections import defaultdict
from functools import cache
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from entities.atomic_write import check_target, write_whole
from entities.command import refused_by_system, run_command

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.svg"
TOPS = ("entities", "ml", "sim", "tools", "run_sim")
BOX_PX, GAP_PX, LINE_PX, LANE_PX, LETTERS = (196, 112), (36, 56), 15, 5, 30
COLORS = {"entities": "#e8e2d0", "ml": "#d5e4ef", "sim": "#dcebd3", "tools": "#efdcd6"}
INK, ARROW = "#2a2e38", "#8a93a3"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def modules() -> dict[str, Path]:
    """Every module of the program by its dotted name; a package's is that of its ``__init__``."""
    found = {"run_sim": ROOT / "run_sim.py"}
    for top in TOPS[:-1]:
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports() -> dict[str, set[str]]:
    """For each module the modules of ours that it imports, at its top or in a function."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        used: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                used |= {one if one in known else node.module for one in inner}
        found[name] = {one for one in used if one in known} - {name}
    return found


def room_of(module: str, graph: dict[str, set[str]]) -> str:
    """The room of a module: its package, or for those that stand beside packages their group.

    Such a module is of the group that imports nothing of its own top package ("base"), or of the
    one that ties the packages together ("top"). ``sim`` itself is the face that users import.
    """
    parts = module.split(".")
    if parts[0] not in ("ml", "sim"):
        return parts[0]
    if len(parts) == 1:
        return module
    if len(parts) > 2 or any(other.startswith(f"{module}.") for other in graph):
        return ".".join(parts[:2])
    inner = any(used.startswith(f"{parts[0]}.") for used in graph[module])
    return f"{parts[0]} top" if inner else f"{parts[0]} base"


def rooms() -> dict[str, set[str]]:
    """For each room those that it needs."""
    graph = imports()
    found: dict[str, set[str]] = defaultdict(set)
    for module, used in graph.items():
        room = room_of(module, graph)
        found[room] |= {room_of(one, graph) for one in used} - {room}
    alone = {"ml"} - set().union(*found.values())  # a package that only holds others
    return {room: used for room, used in sorted(found.items()) if room not in alone}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The nodes that lie on a circle, or that depend on one; none if there is no circle."""
    left = {name: set(used) for name, used in graph.items()}
    while free := [name for name, used in left.items() if not used]:
        for name in free:
            del left[name]
        for used in left.values():
            used -= set(free)
    return sorted(left)


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """How high each room stands: one above the highest that it needs.

    Raises ValueError for a graph with circles.
    """
    if found := circles(graph):
        raise ValueError(f"circle of imports: {', '.join(found)}")
    height: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in height:
            height[name] = 1 + max((floor(used) for used in graph[name]), default=-1)
        return height[name]

    for name in graph:
        floor(name)
    return height


def needed(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The graph without the arrows that follow from others."""
    reach: dict[str, set[str]] = {}
    for name in sorted(graph, key=floors(graph).get):
        reach[name] = set(graph[name]).union(*(reach[used] for used in graph[name]))
    return {
        name: used - set().union(*(reach[other] for other in used)) for name, used in graph.items()
    }


def arranged(graph: dict[str, set[str]]) -> dict[int, list[str]]:
    """The rooms of each floor from left to right, each about in the middle of what it needs."""
    rows: dict[int, list[str]] = defaultdict(list)
    for room, floor in floors(graph).items():
        rows[floor].append(room)
    across: dict[str, float] = {}
    arrows = needed(graph)
    for floor in sorted(rows):
        middle = {
            room: sum(across[used] for used in sorted(arrows[room])) / max(len(arrows[room]), 1)
            for room in rows[floor]
        }
        rows[floor].sort(key=lambda room: (middle[room], room))
        for i, room in enumerate(rows[floor]):
            across[room] = (i + 0.5) / len(rows[floor])
    return rows


def duty(room: str, graph: dict[str, set[str]]) -> str:
    """What a room is for: the first sentence of its package, or the modules of its group."""
    path = ROOT.joinpath(*room.split("."), "__init__.py")
    if room == "run_sim":
        path = ROOT / "run_sim.py"
    if " " in room:
        top = room.split()[0]
        names = [m.split(".")[1] for m in graph if "." in m and room_of(m, graph) == room]
        return ", ".join(sorted(set(names) - {top}))
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split()).split(". ")[0]
    return first.rstrip(".").replace("``", "")


def drawing() -> str:
    """The SVG, the same for the same code."""
    modules_used, graph = imports(), rooms()
    counts = defaultdict(int)
    for name, path in modules().items():
        counts[room_of(name, modules_used)] += path.name != "__init__.py"
    rows = arranged(graph)
    wide = max(map(len, rows.values()))
    step = BOX_PX[0] + GAP_PX[0], BOX_PX[1] + GAP_PX[1]
    size = wide * step[0] + GAP_PX[0], len(rows) * step[1] + GAP_PX[1]
    place = {}
    for floor, row in rows.items():
        first = (wide - len(row)) // 2
        for i, room in enumerate(row, start=first):
            place[room] = GAP_PX[0] + i * step[0], size[1] - (floor + 1) * step[1]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="#fbfbf9"/><g fill="none" stroke="{ARROW}">',
    ]
    long = 0
    for room, used in needed(graph).items():
        for other in sorted(used):
            (x, y), (u, v) = place[room], place[other]
            x, y, u = x + BOX_PX[0] // 2, y + BOX_PX[1], u + BOX_PX[0] // 2
            bend = GAP_PX[1] // 2
            path = f"M{x} {y}C{x} {y + bend} {u} {v - bend} {u} {v}"
            if v - y > GAP_PX[1]:  # past other floors, between their boxes
                lane = min(x, u) + step[0] // 2 + LANE_PX * (long % 5 - 2)
                long += 1
                down, up = y + GAP_PX[1], v - GAP_PX[1]
                path = (
                    f"M{x} {y}C{x} {y + bend} {lane} {y + bend} {lane} {down}"
                    f"V{up}C{lane} {v - bend} {u} {v - bend} {u} {v}"
                )
            out.append(f'<path d="{path}"/>')
            out.append(f'<path d="M{u - 4} {v - 8}L{u} {v}L{u + 4} {v - 8}"/>')
    out.append("</g>")
    for room, (x, y) in place.items():
        color = COLORS.get(room.split(".")[0].split()[0], COLORS["tools"])
        title = room.replace(" base", " (shared)").replace(" top", " (the ties)")
        told = textwrap.wrap(duty(room, modules_used), LETTERS)[:5]
        plural = "s" if counts[room] != 1 else ""
        out.append(
            f'<rect x="{x}" y="{y}" width="{BOX_PX[0]}" height="{BOX_PX[1]}" rx="6" '
            f'fill="{color}" stroke="{INK}"/><g fill="{INK}">'
            f'<text x="{x + 8}" y="{y + 18}" font-weight="bold">{title}</text>'
            f'<text x="{x + BOX_PX[0] - 8}" y="{y + 18}" text-anchor="end" font-size="10">'
            f"{counts[room]} module{plural}</text>"
        )
        for i, line in enumerate(told):
            out.append(f'<text x="{x + 8}" y="{y + 36 + LINE_PX * i}">{escape(line)}</text>')
        out.append("</g>")
    return "\n".join([*out, "</svg>", ""])


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(help="SVG to write.")] = PAGE,
    lines: Annotated[
        bool, typer.Option("--lines", help="Only print how many lines each room has.")
    ] = False,
) -> None:
    """Draw the program's rooms from its imports."""
    if lines:
        graph, found = imports(), defaultdict(int)
        for name, path in modules().items():
            found[room_of(name, graph)] += len(path.read_text(encoding="utf-8").splitlines())
        for room, count in sorted(found.items()):
            print(f"{count:6,} {room}")
        print(f"{sum(found.values()):6,} in all")
        return
    with refused_by_system():
        check_target(out)
        write_whole(out, drawing())
    print(out)


if __name__ == "__main__":
    run_command(app)
