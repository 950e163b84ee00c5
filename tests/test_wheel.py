"""What a wheel brings is enough to run from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).resolve().parents[1]
TRACKED = ("entities", "ml", "sim", "assets", "tools")


@pytest.mark.slow
def test_a_wheel_runs_from_another_folder(tmp_path):
    source, home, elsewhere = tmp_path / "source", tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in TRACKED:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("run_sim.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), "."]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    assert wheel.stat().st_size < 40_000_000
    zipfile.ZipFile(wheel).extractall(home)
    entry = (home / next(home.glob("*.dist-info")).name / "entry_points.txt").read_text()
    assert "stride = run_sim:main" in entry
    assert (home / "assets" / "gallery" / "index.html").is_file()
    code = (
        "import run_sim, sys; assert run_sim.__file__.startswith(sys.argv.pop(1)); run_sim.main()"
    )
    command = [sys.executable, "-c", code, str(home), "--prompt", "a boy walks to the tree"]
    command += ["--video", "clip.mp4", "--seconds", "1", "--size", "320x180"]
    environment = {**os.environ, "PYTHONPATH": str(home), "PYTHONSAFEPATH": "1"}
    subprocess.run(command, cwd=elsewhere, env=environment, check=True)
    with av.open(str(elsewhere / "clip.mp4")) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 30
