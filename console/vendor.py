"""`python -m console.vendor`: fetch what browsers are given that others wrote, as `vendor.toml` says.

A maintainer's tool: it needs npm. What it writes is committed, so that nobody else does.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIST = HERE / "vendor.toml"
FOLDER = HERE / "static" / "vendor"

Package = Mapping[str, Any]


class VendorError(Exception):
    """A package could not be fetched or is not the one that was asked for."""


def packages() -> list[Package]:
    """The packages of `vendor.toml`, in its order."""
    found: list[Package] = tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]
    return found


def folder(package: Package) -> Path:
    """Where its files lie: the version is in the address, so that browsers may keep them for ever."""
    return FOLDER / f"{package['name']}-{package['version']}"


def fetch(package: Package) -> None:
    """Write the package's files and their checksums in place of what lies there. Raises VendorError."""
    with tempfile.TemporaryDirectory() as place:
        archive = _pack(package, Path(place))
        _check(package, archive)
        shutil.rmtree(folder(package), ignore_errors=True)
        folder(package).mkdir(parents=True)
        with tarfile.open(archive) as contents:
            for inside, name in package["files"].items():
                member = contents.extractfile(f"package/{inside}")
                if member is None:
                    raise VendorError(f"{package['name']} has no {inside}")
                (folder(package) / name).write_bytes(_without_map(member.read()))
    _write_sums(package)


def _pack(package: Package, place: Path) -> Path:
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(
        ["npm", "pack", wanted, "--silent"], cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise VendorError(f"npm pack {wanted}: {done.stderr.strip()}")
    return place / done.stdout.strip()


def _check(package: Package, archive: Path) -> None:
    method, _, wanted = package["integrity"].partition("-")
    found = base64.b64encode(hashlib.new(method, archive.read_bytes()).digest()).decode()
    if found != wanted:
        raise VendorError(f"{package['name']} {package['version']} is not what was published")


def _without_map(content: bytes) -> bytes:
    # The maps are not shipped; a browser's developer tools would ask for them in vain.
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def _write_sums(package: Package) -> None:
    lines = [
        f"# {package['name']} {package['version']} from npm, package {package['integrity']}, "
        f"licence {package['licence']}"
    ]
    for name in sorted(package["files"].values()):
        digest = hashlib.sha256((folder(package) / name).read_bytes()).hexdigest()
        lines.append(f"{digest}  {name}")
    (folder(package) / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    for package in packages():
        try:
            fetch(package)
        except (VendorError, OSError) as problem:
            print(problem, file=sys.stderr)
            return 1
        print(f"{package['name']} {package['version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
