"""`python -m transcription convert SOURCE TARGET`: a checkpoint from one format into another."""

from pathlib import Path

import click

from transcription.models import hugging_face, openai
from transcription.models.openai import Checkpoint, NotConvertible, Precision


@click.group(help="Tools for speech models.")
def main() -> None:
    pass


@main.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "to",
    type=click.Choice(["openai", "faster-whisper"]),
    default="openai",
    show_default=True,
    help="a .pt for openai-whisper, or a folder for faster-whisper",
)
@click.option(
    "--precision",
    type=click.Choice(["int8", "float16", "float32"]),
    help="of the weights [default: as they are; for faster-whisper int8]",
)
def convert(source: Path, target: Path, to: str, precision: Precision | None) -> None:
    """Convert SOURCE (a .pt of openai-whisper, or a folder that transformers saved) to TARGET."""
    if target.exists():
        raise click.ClickException(f"{target} is there already: choose another name")
    try:
        click.echo(f"reading {source}")
        found = _read(source)
        click.echo(f"writing {target}")
        _write(found, target, to, precision)
    except (NotConvertible, OSError, MemoryError) as error:
        raise click.ClickException(str(error) or "not enough memory") from error
    engine = "openai-whisper" if to == "openai" else to
    click.echo(f"{_megabytes(target):.1f} MB; use it with WHISPER_ENGINE={engine}")
    click.echo(f"WHISPER_MODEL={target.resolve()}")


def _read(source: Path) -> Checkpoint:
    if source.is_file():
        return openai.read(source)
    if (source / "model.bin").is_file():
        raise NotConvertible(f"{source} is converted already: set WHISPER_MODEL to it")
    return hugging_face.read(source)


def _write(found: Checkpoint, target: Path, to: str, precision: Precision | None) -> None:
    if to == "openai":
        openai.write(found, target, precision)
        return
    try:
        from transcription.models import ctranslate
    except ImportError as error:
        raise NotConvertible(
            "the package ctranslate2 is missing: pip install -e '.[fast]'"
        ) from error
    ctranslate.write(found, target, precision or "int8")


def _megabytes(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6


if __name__ == "__main__":
    main(prog_name="python -m transcription")
