"""The profile of a job at work, on a cluster of its own: its sampler stays in the interpreter of a worker."""

from bench.breakdown import profile
from bench.live import Setup


def test_a_running_job_is_profiled_step_by_step() -> None:
    # So many that decoding, which may run far ahead, is still at work when it is measured.
    told = profile(Setup(), events=150_000, shoppers=300, seed=7)
    steps = told["steps"]
    assert set(steps) >= {"decode", "windows", "encode", "redis", "java", "all threads"}
    # A sample may miss a small step, but not these.
    for step in ("decode", "windows", "all threads"):
        assert float(steps[step]["cpu_us"] or 0) > 0, step
    total = sum(float(row["cpu_us"] or 0) for name, row in steps.items() if " " not in name)
    # Threads and places are looked at one after the other, so a little is seen by one of them only.
    assert 0.7 < total / float(steps["all threads"]["cpu_us"] or 0) < 1.3
    assert any(place.startswith("events/") for place in told["places"])
    assert any(thread.startswith("features") for thread in told["threads"]["threads"]), told["threads"]
