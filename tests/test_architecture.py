"""The house as docs/architecture.md describes it: rooms, arrows, and a newcomer's new action."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import architecture

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
MOST_AT_THE_TOP = 12
"""Modules directly in ``sim``: what ties the packages together, and no more."""
ORDER = (  # what stands to the left may be imported by what stands to the right
    *("entities", "ml.text", "ml.measure", "ml.episodes", "ml.capture", "ml.motion", "ml top"),
    *("sim base", "sim.story", "sim.navigation", "sim.physics", "sim.animation"),
    *("sim.interaction", "sim top", "sim.camera", "sim.render", "sim.output", "sim.window"),
    *("sim", "sim.inspect", "sim.evaluate", "sim.generate", "sim.robustness", "run_sim", "tools"),
)


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_there_is_no_circle_of_imports() -> None:
    assert architecture.circles(architecture.imports()) == []
    assert architecture.circles(architecture.rooms()) == []


def test_imports_point_one_way() -> None:
    rooms = architecture.rooms()
    assert set(rooms) == set(ORDER)
    wrong = [
        f"{room} imports {used}"
        for room, those in rooms.items()
        for used in those
        if ORDER.index(used) > ORDER.index(room)
    ]
    assert wrong == []


def test_no_tool_imports_a_tool_and_nothing_imports_them() -> None:
    graph = architecture.imports()
    wrong = [
        f"{name} imports {used}"
        for name, those in graph.items()
        for used in those
        if used.startswith("tools.") or (used == "run_sim" and name != "run_sim")
    ]
    assert wrong == []


def test_a_circle_is_found() -> None:
    assert architecture.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="circle"):
        architecture.floors({"b": {"c"}, "c": {"b"}})


def test_few_modules_tie_the_packages_together() -> None:
    assert len(list((ROOT / "sim").glob("*.py"))) <= MOST_AT_THE_TOP


def test_every_package_says_what_it_is_for() -> None:
    packages = [path for path in architecture.modules().values() if path.name == "__init__.py"]
    silent = [str(path) for path in packages if len(path.read_text(encoding="utf-8")) < 40]
    assert silent == []


def test_the_picture_is_of_this_code() -> None:
    """``python -m tools.architecture`` draws it anew."""
    assert architecture.PAGE.read_text(encoding="utf-8") == architecture.drawing()


def test_what_the_page_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:sim|ml|entities|tools|assets|tests)/[\w/.]+)`", text))
    named |= {path.removeprefix("../") for path in re.findall(r"\]\(([^)h][^)]*)\)", text)}
    named -= {"architecture.svg", "assets/actions/juggle.json", "assets/stages/NAME.json"}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_an_action_is_added_in_one_place(tmp_path: Path) -> None:
    """The page's own example, in a copy of the program: one file, then its commands and checks."""
    home = tmp_path / "stride"
    home.mkdir()
    for name in ("entities", "ml", "sim", "tools"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "assets", home / "assets", ignore=shutil.ignore_patterns("models"))
    (home / "assets" / "models").symlink_to(ROOT / "assets" / "models")
    shutil.copy(ROOT / "run_sim.py", home)
    (action,) = blocks("json")
    (home / "assets" / "actions" / "juggle.json").write_text(action, encoding="utf-8")
    _, commands = blocks("sh")
    (checks,) = blocks("python")
    environment = {**os.environ, "PYTHONPATH": str(home), "SDL_VIDEODRIVER": "dummy"}
    for line in commands.strip().splitlines():
        done = subprocess.run(
            line.replace("python", sys.executable, 1),
            shell=True,
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
    assert (home / "sheets" / "actions-1.png").is_file()
    subprocess.run([sys.executable, "-c", checks], cwd=home, env=environment, check=True)
