"""Damaged text files are read, or refused in one line that names them."""

import pytest

from sim.robustness.damaged_files import SAMPLES, attempt, damage, fault, use


@pytest.mark.parametrize("name", SAMPLES)
def test_a_whole_file_is_taken(tmp_path, name):
    (tmp_path / name).write_text(SAMPLES[name](), encoding="utf-8")
    use(tmp_path / name)


def test_the_same_seed_damages_the_same_way(tmp_path):
    one, how = damage(7, tmp_path)
    content = one.read_bytes()
    other, again = damage(7, tmp_path)
    assert (other, again, other.read_bytes()) == (one, how, content)
    assert damage(8, tmp_path)[1] != how


@pytest.mark.parametrize(
    "seeds", [range(45), *(pytest.param(range(k, k + 500), marks=pytest.mark.slow)
                           for k in range(1_000, 3_000, 500))]
)  # fmt: skip
def test_no_damaged_file_brings_anything_down(tmp_path, seeds):
    found = [fault(*damage(seed, tmp_path)) for seed in seeds]
    assert [line for line in found if line is not None] == []


def test_an_attempt_tells_how_a_child_ended(tmp_path):
    outcome = attempt(3, tmp_path)
    assert (outcome.runs, outcome.failures) == (1, [])
