"""`python -m demo.dev`: web and worker on this machine alone, for trying things by hand.

Unsigned webhooks are accepted, from loopback only. CITY and WHISPER_MODEL are
taken from the environment; state is kept in var/dev.
"""

import os
import signal
import sys
import time
from types import FrameType

from . import screen
from .house import PROJECT, WITH_PHONE, House, HouseError

STATE = PROJECT / "var" / "dev"
PORT = 8000


def main() -> int:
    signal.signal(signal.SIGTERM, _as_interrupt)
    out = screen.console()
    chosen = {name: os.environ[name] for name in ("CITY", "WHISPER_MODEL") if name in os.environ}
    settings = {**chosen, **WITH_PHONE, "INSECURE_DEV_WEBHOOKS": "1"}
    house = House(STATE, settings, port=PORT, token="")
    try:
        house.migrate()
        house.start_worker()
        house.start_web()
        out.print(f"Webhooks: {house.address}/voice (POST, unsigned, this machine only)")
        out.print(
            f"Console:  {house.sign_in_link('developer')} (signs you in, once)", soft_wrap=True
        )
        out.print(f"Phone:    {house.address}/phone")
        out.print(f"Logs:     {house.log('web')}, {house.log('worker')}")
        out.print("Ctrl-C ends both.")
        while True:
            house.check()
            time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except HouseError as problem:
        out.print(str(problem), style="bold red")
        return 1
    finally:
        house.stop()


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
