"""The fault drill as a command: `python -m tests.faults --seed 7 --events 200000 --rounds 3`."""

import argparse
import sys
import time

from jobs.local.stack import LocalStack
from tests.faults.drill import Drill, Plan
from tests.faults.faults import FAULTS
from tests.faults.report import Report
from tests.faults.world import World

SHOPPERS_PER_EVENT = 0.075


def run(plan: Plan, names: str = "") -> Report:
    """A drill on servers of its own, with the faults whose name holds `names`."""
    faults = [fault for fault in FAULTS if names.lower() in fault.name.lower()]
    print(f"seed {plan.seed}: {plan.events} records, {len(faults)} faults, {plan.rounds} rounds", flush=True)
    with LocalStack(taskmanagers=2, redis_append_only=True, progress=say) as stack:
        world = World(stack, say)
        try:
            world.submit()
            say("the job runs")
            report = Drill(world, plan, say).run(faults)
        finally:
            world.close()
    print("\n".join(report.lines()), flush=True)
    return report


def shoppers_for(events: int) -> int:
    """So many that none has more than a few hundred records: the last 1,024 ids are remembered."""
    return max(100, round(events * SHOPPERS_PER_EVENT))


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=150.0, help="records a second")
    parser.add_argument("--only", default="", help="faults whose name holds this text")
    given = parser.parse_args()
    plan = Plan(given.seed, given.events, given.rate, given.rounds, shoppers_for(given.events))
    return int(run(plan, given.only).failed)


if __name__ == "__main__":
    sys.exit(main())
