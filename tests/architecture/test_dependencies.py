"""What the code imports is what an installation brings: the machine at hand proves nothing."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = [
    "app.py",
    "worker.py",
    "runtime",
    "cases",
    "callflows",
    "ivr",
    "transcription",
    "console",
    "watch",
]
OURS = {name.removesuffix(".py") for name in PRODUCTION} | {"demo", "bench", "evaluate", "tests"}
# Brought by a package that is named, as a part of what that package is for.
BROUGHT = {"werkzeug": "flask", "jinja2": "flask"}

FAST = [
    ROOT / "transcription/engines/faster_whisper.py",
    ROOT / "transcription/models/ctranslate.py",
]


SURVEILLANCE = [ROOT / "cases/farrington.py"]


def files(*places: str) -> list[Path]:
    return [
        f
        for place in places
        for f in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - OURS - set(sys.stdlib_module_names) - {"__future__"}


def declared(*extras: str) -> set[str]:
    """What an installation with these extras brings; `whistle[a,b]` stands for extras of ours."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    ours = [one for one in wanted if one.startswith("whistle[")]
    named = {plain(re.split(r"[<>=\[; ]", one)[0]) for one in wanted if one not in ours}
    return named.union(*(declared(*re.findall(r"[\[,](\w+)", one)) for one in ours))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def undeclared(places: list[Path], brought_by: set[str]) -> set[str]:
    homes = packages_distributions()
    return {
        f"{name} in {file.relative_to(ROOT)}"
        for file in places
        for name in imported(file)
        if BROUGHT.get(name) not in brought_by
        and not {plain(home) for home in homes.get(name, [])} & brought_by
    }


def test_what_production_imports_is_a_dependency():
    usual = [file for file in files(*PRODUCTION) if file not in (*FAST, *SURVEILLANCE)]
    assert not undeclared(usual, declared())


def test_what_the_fast_engine_imports_is_in_its_extra():
    assert not undeclared(FAST, declared("fast"))
    assert undeclared(FAST, declared())


def test_what_many_years_need_is_in_its_extra():
    assert not undeclared(SURVEILLANCE, declared("surveillance"))
    assert undeclared(SURVEILLANCE, declared())


def test_what_the_evaluation_imports_is_a_dependency():
    assert not undeclared(files("evaluate"), declared())


def test_what_the_demonstration_imports_is_a_dependency():
    outside_training = [f for f in files("demo") if "training" not in f.parts]
    assert not undeclared(outside_training, declared())


def test_what_tests_training_and_bench_import_comes_with_dev():
    assert not undeclared(files("tests", "bench", "demo/training", "migrations"), declared("dev"))


def test_every_dependency_has_a_pinned_version():
    pinned = {plain(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().split()}
    assert declared("dev", "s3") <= pinned
