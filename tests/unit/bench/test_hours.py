"""`python -m bench.hours`, proven where there is no GPU."""

from click.testing import CliRunner

from bench import hours


def test_it_says_in_a_line_how_many_hours_of_calls_an_hour_transcribes() -> None:
    options = ["--dims", "nano", "--processes", "1", "--calls", "2"]
    done = CliRunner().invoke(hours.main, options, catch_exceptions=False)
    assert done.exit_code == 0
    assert "engine alone, 2 at a time" in done.output
    last = done.output.splitlines()[-1]
    assert hours.device() in last
    assert "hours of calls an hour with nano.pt" in last
