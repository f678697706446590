import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from redis import Redis

from jobs.local.errors import ProcessError
from jobs.local.flink import FlinkCluster
from jobs.local.kafka import MAX_BYTES
from jobs.local.process import LocalProcess
from jobs.local.stack import LocalStack
from tests.harness import KafkaService, RedisService, wait_until

FOUR_MB = b"x" * (4 * 1024 * 1024)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def shell(folder: Path, script: str) -> LocalProcess:
    return LocalProcess("a shell", ("/bin/sh", "-c", script), folder / "log")


def number_in(file: Path) -> int:
    wait_until(lambda: file.is_file() and file.read_text().endswith("\n"), 10, f"{file} is written")
    return int(file.read_text())


def test_a_record_of_4_mb_is_there_after_a_restart_of_kafka(kafka: KafkaService) -> None:
    kafka.create_topic("large", 2)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=MAX_BYTES)
    producer.send("large", FOUR_MB).get(timeout=30)
    producer.close()
    kafka.restart()
    consumer = KafkaConsumer(
        "large", bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    assert next(consumer).value == FOUR_MB
    consumer.close()


def test_redis_finds_its_data_again_after_a_restart(redis_server: RedisService) -> None:
    with Redis.from_url(redis_server.url) as client:
        client.set("kept", "yes")
        redis_server.restart()
        assert client.get("kept") == b"yes"


def test_a_taskmanager_that_was_killed_is_replaced(flink_cluster: FlinkCluster) -> None:
    flink_cluster.kill_taskmanager(0)
    assert flink_cluster.running() == (1,)
    assert flink_cluster.start_taskmanager() == 0
    flink_cluster.wait_ready()
    assert flink_cluster.running() == (0, 1)


def test_a_stack_leaves_nothing_behind() -> None:
    lines: list[str] = []
    with LocalStack(with_kafka=False, progress=lines.append) as stack:
        pid = stack.redis.process.pid
        folder = stack.redis.folder
        assert pid is not None
        assert folder.is_dir()
    assert not is_alive(pid)
    assert not folder.parent.exists()
    assert any("Redis is ready" in line for line in lines)


def test_a_stack_that_fails_stops_what_runs_and_keeps_the_logs() -> None:
    stack = LocalStack(with_kafka=False, progress=print)
    pid = None
    with pytest.raises(ZeroDivisionError), stack:  # noqa: PT012
        pid = stack.redis.process.pid
        1 / 0  # noqa: B018
    assert pid is not None
    assert not is_alive(pid)
    assert (stack.redis.folder / "redis.log").is_file()
    shutil.rmtree(stack.redis.folder.parent)


def test_a_stack_that_is_interrupted_while_it_starts_leaves_nothing_behind() -> None:
    pids: list[int | None] = []

    def interrupt(line: str) -> None:
        if "Redis is ready" in line:
            pids.append(stack.redis.process.pid)
            raise KeyboardInterrupt

    stack = LocalStack(with_kafka=False, progress=interrupt)
    with pytest.raises(KeyboardInterrupt), stack:
        pass
    assert [pid for pid in pids if pid is None or is_alive(pid)] == []
    assert pids
    assert not stack.redis.folder.parent.exists()


def test_a_process_ends_with_all_of_its_group(tmp_path: Path) -> None:
    with shell(tmp_path, f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/child; wait; sleep 600") as process:
        child = number_in(tmp_path / "child")
        assert is_alive(child)
        process.stop(grace_s=0.5)
    wait_until(lambda: not is_alive(child), 5, "the child ended")


def test_a_process_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from jobs.local.process import LocalProcess\n"
        "p = LocalProcess('s', ('sleep', '600'), Path(sys.argv[1], 'log')); p.start()\n"
        "Path(sys.argv[1], 'pid').write_text(f'{p.pid}\\n'); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    child = number_in(tmp_path / "pid")
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(child), 5, "the child ended")


def test_a_frozen_process_can_be_stopped(tmp_path: Path) -> None:
    with shell(tmp_path, "exec sleep 600") as process:
        pid = process.pid
        assert pid is not None
        process.freeze()
        process.stop(grace_s=5)
        assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_process_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    process = shell(tmp_path, "echo no room on the disk; exit 3")
    process.start()
    with pytest.raises(ProcessError, match=r"(?s)a shell ended with exit code 3.*no room on the disk"):
        process.wait_ready(lambda: False, 10)


def test_a_process_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    with shell(tmp_path, "exec sleep 600") as process:
        with pytest.raises(ProcessError, match=r"(?s)not ready within 0\.3 s.*it is empty"):
            process.wait_ready(lambda: False, 0.3)
        assert process.pid is None


def test_a_process_is_not_started_twice(tmp_path: Path) -> None:
    with shell(tmp_path, "exec sleep 600") as process, pytest.raises(ProcessError, match="runs already"):
        process.start()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="absent"):
        LocalProcess("it", (str(tmp_path / "absent"),), tmp_path / "log").start()
