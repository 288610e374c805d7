"""A city that rings back day and night, so that a test need not wait for the morning."""

import shutil
from pathlib import Path

import yaml

from tests.conftest import PROJECT

ALWAYS = dict.fromkeys(("workday", "weekend", "makeup", "holiday"), "00:00-24:00")


def city(folder: Path, **chosen: object) -> Path:
    """A copy of a city in `folder` with these rules for follow-up calls; hours are all hours."""
    copy = folder / "mytown"
    shutil.copytree(PROJECT / "cities" / "hongkong", copy)
    rules = {"spec": 1, "hours": ALWAYS, "spacing_minutes": 1, "per_number_per_day": 10, **chosen}
    (copy / "followup.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    return copy
