"""The dashboards, and the files they are kept in. `python -m deploy.grafana.make` writes them."""

import json
from pathlib import Path
from typing import Final

from deploy.grafana.panels import Dashboard, Panel, Query, Row

FOLDER: Final = Path(__file__).with_name("dashboards")
JOB: Final = '{job_name="$job"}'
OPERATOR: Final = "flink_taskmanager_job_task_operator_"
JOBMANAGER: Final = "flink_jobmanager_job_"
API: Final = "shopper_api_"
VERDICTS: Final = ("applied", "filtered", "duplicate", "late", "dead")


def told(gauge: str) -> str:
    """A gauge of ours."""
    return f"{OPERATOR}shopper_{gauge}{JOB}"


def total(gauge: str) -> str:
    """The same of all subtasks."""
    return f"sum({told(gauge)})"


def rate(gauge: str, legend: str = "") -> Query:
    """How fast it grows, a second, over all subtasks."""
    return Query(f"sum(rate({told(gauge)}[$__rate_interval]))", legend or gauge)


def grown(gauge: str, legend: str = "") -> Query:
    """How much it grew in the time shown."""
    return Query(f"sum(increase({told(gauge)}[$__range]))", legend or gauge)


def of_job(metric: str, legend: str = "") -> Query:
    """A metric of the JobManager about the job."""
    return Query(f"max({JOBMANAGER}{metric}{JOB})", legend or metric)


GLANCE = Row(
    "At a glance",
    (
        Panel(
            "Alerts",
            "Rules of deploy/prometheus that fire; docs/operations.md has a section for each. "
            "No Prometheus rules loaded: always 0.",
            (Query('sum(ALERTS{alertstate="firing"}) or vector(0)'),),
            bad=1,
            stat=True,
            width=4,
        ),
        Panel(
            "Silent for",
            "The job tells its numbers once a second, on a silent topic too. Over 30 s: it restarts, waits for "
            "Redis, or is gone. Run `shopper status`, then see ShopperJobSilent in docs/operations.md.",
            (Query(f"time() - max(max_over_time({told('told_ms')}[15m])) / 1000"),),
            unit="s",
            warn=10,
            bad=30,
            stat=True,
            width=4,
        ),
        Panel(
            "Freshness",
            "Age of the newest record of the last batch when its rows were in Redis, slowest subtask. It stays as "
            "it is while no record comes. Over 5 s: look at the backlog and at who holds back.",
            (Query(f"max({told('delay_ms')})"),),
            unit="ms",
            warn=2000,
            bad=10000,
            stat=True,
            width=4,
        ),
        Panel(
            "Unread",
            "Records in Kafka that are not read yet. Growing: see ShopperBehind in docs/operations.md.",
            (Query(f"sum({OPERATOR}pendingRecords{JOB})"),),
            warn=10000,
            bad=100000,
            stat=True,
            width=4,
        ),
        Panel(
            "Missing from the accounting",
            "read − (applied + filtered + duplicate + late + dead). Always 0, but for a moment between two "
            "numbers. Anything else is a defect: `shopper status` names the bucket.",
            (Query(f"abs({total('read')} - {' - '.join(total(verdict) for verdict in VERDICTS)})"),),
            bad=1,
            stat=True,
            width=4,
        ),
        Panel(
            "Dead, of what was read",
            "Share of dead letters among the records of the last five minutes. Over 5 %: "
            "`shopper dlq list --summary` says what they are.",
            (
                Query(
                    f"sum(rate({told('dead')}[5m])) / (sum(rate({told('read')}[5m])) > 0) or vector(0)",
                ),
            ),
            unit="percentunit",
            warn=0.01,
            bad=0.05,
            stat=True,
            width=4,
        ),
    ),
)

FRESHNESS = Row(
    "Freshness and lag",
    (
        Panel(
            "Age of the newest record when its rows are written",
            "From Kafka's timestamp to Redis, by subtask. A plateau of 0.1 to 1 s is usual. A slope of 1 s a "
            "second: nothing gets through.",
            (Query(f"max by (subtask_index) ({told('delay_ms')})", "subtask {{subtask_index}}"),),
            unit="ms",
            warn=2000,
            bad=10000,
            width=8,
        ),
        Panel(
            "Unread records",
            "By subtask of the source. It swings around what comes in a micro-batch; a slope upwards means too few "
            "slots or a slow Redis: see who holds back on the page of Flink.",
            (Query(f"sum by (subtask_index) ({OPERATOR}pendingRecords{JOB})", "subtask {{subtask_index}}"),),
            stack=True,
            width=8,
        ),
        Panel(
            "Minutes to catch up",
            "Unread records ÷ what was read a second in the last five minutes. Over ten minutes and growing: "
            "rescale (docs/operations.md, Rescale).",
            (
                Query(
                    f"sum({OPERATOR}pendingRecords{JOB}) / (sum(rate({told('read')}[5m])) > 0)",
                    "at the present pace",
                ),
            ),
            unit="s",
            warn=60,
            bad=600,
            width=8,
        ),
        Panel(
            "Since the newest event",
            "Clock less the greatest event time applied, and less the greatest timestamp of Kafka read. Both grow "
            "while the topic is silent; a gap between the two is events that arrive late at the collector.",
            (
                Query(f"time() - max({told('event_time_ms')}) / 1000", "event time"),
                Query(f"time() - max({told('kafka_time_ms')}) / 1000", "Kafka's timestamp"),
            ),
            unit="s",
        ),
        Panel(
            "Shoppers woken by time alone",
            "Windows that decay and sessions that close without an event. It follows the traffic of the last "
            "24 hours and never stops at once; a drop to 0 while shoppers are active is a defect.",
            (rate("woken"),),
            unit="ops",
        ),
    ),
)

ACCOUNTING = Row(
    "Accounting",
    (
        Panel(
            "Records a second by verdict",
            "Every record read ends in exactly one. Much filtered: `app_ids`, robots or events without a shopper. "
            "Much duplicate: a producer that repeats. Much late: a replay or an old collector's backlog.",
            tuple(rate(verdict) for verdict in VERDICTS),
            unit="ops",
            stack=True,
        ),
        Panel(
            "Read, and the sum of the verdicts",
            "The two lines lie on each other. Apart for longer than a scrape: a defect, see ShopperAccounting.",
            (
                Query(total("read"), "read"),
                Query(" + ".join(total(verdict) for verdict in VERDICTS), "sum of the verdicts"),
            ),
            width=6,
        ),
        Panel(
            "Shares",
            "Of what was read in the last five minutes; what is applied is left out.",
            tuple(
                Query(
                    f"sum(rate({told(verdict)}[5m])) / (sum(rate({told('read')}[5m])) > 0)",
                    verdict,
                )
                for verdict in VERDICTS[1:]
            ),
            unit="percentunit",
            width=6,
        ),
    ),
)

BRANCHES = Row(
    "Branches",
    (
        Panel(
            "Events used a second, by branch",
            "An event counts for each branch that wants it. One branch at 0 while others go on: the tracker of "
            "that part of the shop is broken; nothing is wrong here.",
            (
                Query(
                    f"sum by (branch) (rate({told('branch_applied')}[$__rate_interval]))",
                    "{{branch}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Share of the events, by branch",
            "Of all applied. A step marks a change of the tracking or of the catalogue.",
            (
                Query(
                    f"sum by (branch) (rate({told('branch_applied')}[5m])) / on () group_left () "
                    f"(sum(rate({told('applied')}[5m])) > 0)",
                    "{{branch}}",
                ),
            ),
            unit="percentunit",
        ),
    ),
)

DEAD = Row(
    "Dead letters",
    (
        Panel(
            "Dead letters a second, by kind",
            "undecodable: not an event that we can read. future: event time over two minutes ahead of the clock. "
            "bug: broke our code. `shopper dlq list --summary`, then `shopper dlq explain ID`.",
            (
                rate("dead_undecodable", "undecodable"),
                rate("dead_future", "future"),
                rate("dead_bug", "bug"),
            ),
            unit="ops",
            stack=True,
        ),
        Panel(
            "Dead letters in the time shown",
            "Each waits in the dead-letter topic until `shopper dlq replay` or the topic's retention.",
            (
                grown("dead_undecodable", "undecodable"),
                grown("dead_future", "future"),
                grown("dead_bug", "bug"),
            ),
            stat=True,
            width=8,
        ),
        Panel(
            "Defects without a record",
            "Wake-ups that failed: the shopper is tried again every minute. Any: see the TaskManagers' logs "
            "for `bug`.",
            (grown("wake_bugs", "wake-ups"),),
            bad=1,
            stat=True,
            width=4,
        ),
    ),
)

IDENTITY = Row(
    "Identity",
    (
        Panel(
            "From devices to users, a second",
            "records: events of devices that count for whoever is logged in. histories: what a device did before the "
            "first login, moved once. 0 with `identity = off`, and while nobody logs in.",
            (rate("handed_on", "records"), rate("moves", "histories")),
            unit="ops",
            width=8,
        ),
        Panel(
            "Histories moved in the time shown",
            "handed over: by devices. taken in: by users. Equal, but for what is on its way between two numbers.",
            (grown("moves", "handed over"), grown("moved", "taken in")),
            stat=True,
            width=8,
        ),
        Panel(
            "Logins and histories lost",
            "A defect: a login that could not be noted, or a history that its user's state could not take in. Values of "
            "those users lack what came before the login. See ShopperIdentityLost in docs/operations.md. Facts of entities "
            "that a defect kept from counting are told beside.",
            (grown("identity_lost", "lost"), grown("facts_lost", "facts of entities")),
            bad=1,
            stat=True,
            width=8,
        ),
    ),
)

REDIS = Row(
    "Redis and limits",
    (
        Panel(
            "Rows a second",
            "written: taken. refused: Redis has a newer row, as after a restart. missed: a change without the row "
            "it builds on; the whole row was written at once. behind: written again ten seconds later.",
            (
                rate("rows_written", "written"),
                rate("rows_refused", "refused"),
                rate("rows_missed", "missed"),
                rate("rows_behind", "behind"),
            ),
            unit="wps",
            width=8,
        ),
        Panel(
            "Rows that could not be written",
            "Their keys hold another type: somebody else writes under this prefix. Find them by "
            "`redis-cli --scan` and give the job a `redis_prefix` of its own.",
            (rate("rows_foreign", "foreign"),),
            unit="wps",
            bad=0.001,
            width=4,
        ),
        Panel(
            "Rows that lack something",
            "Share of rows marked `_capped=1`: a shopper over a bound (1,000 products a window, 64 kB and so on). "
            "Over 1 %: bots, or bounds too small for this shop; `bench/hot_key.py` shows the cost.",
            (
                Query(
                    f"sum(rate({told('rows_capped')}[$__rate_interval])) / "
                    f"(sum(rate({told('rows_written')}[$__rate_interval])) > 0)",
                    "capped",
                ),
            ),
            unit="percentunit",
            warn=0.01,
            bad=0.05,
            width=6,
        ),
        Panel(
            "Shoppers forgotten",
            "Control records carried out (one a partition for each `shopper forget`), and keys deleted by them.",
            (grown("forgotten", "control records"), grown("forgotten_keys", "keys")),
            stat=True,
            width=6,
        ),
        Panel(
            "Times that Redis had lost writes",
            "Buckets that found Redis empty or older than they left it. The job writes all rows again by itself; "
            "find out why Redis lost them (persistence, failover, eviction).",
            (grown("losses", "buckets"),),
            bad=1,
            stat=True,
            width=8,
        ),
        Panel(
            "Buckets being written again",
            "After a loss or a change of the catalogue. Falls to 0 within shoppers ÷ `rewrites_per_s` ÷ slots.",
            (Query(total("rewriting"), "buckets"),),
            warn=1,
            stat=True,
            width=8,
        ),
        Panel(
            "Shoppers written again, a second",
            "Bounded by `rewrites_per_s` a slot. 0 while buckets are being written again: Redis does not answer.",
            (rate("rewritten", "shoppers"),),
            unit="ops",
            stat=True,
            width=8,
        ),
    ),
)

STATE = Row(
    "Job and checkpoints",
    (
        Panel(
            "Up for",
            "Since the last (re)start. Small again and again: ShopperRestarts in docs/operations.md.",
            (Query(f"max({JOBMANAGER}uptime{JOB}) / 1000", "up"),),
            unit="s",
            stat=True,
            width=4,
            below=True,
            bad=0.001,
            warn=120,
        ),
        Panel(
            "Restarts",
            "Of this submission. A few in a night are dead machines; many are Redis, Kafka or a defect: Flink's page, "
            "Exceptions.",
            (of_job("numRestarts", "restarts"),),
            stat=True,
            width=4,
            warn=1,
            bad=10,
        ),
        Panel(
            "TaskManagers",
            "Registered now. Fewer than usual: the job runs on with fewer slots, and slower.",
            (Query("max(flink_jobmanager_numRegisteredTaskManagers)", "TaskManagers"),),
            stat=True,
            width=4,
            below=True,
            bad=1,
            warn=1,
        ),
        Panel(
            "Slots without work",
            "0 where the job uses all. More: `parallelism` is smaller than what there is, or no job runs.",
            (Query("max(flink_jobmanager_taskSlotsAvailable)", "free"),),
            stat=True,
            width=4,
        ),
        Panel(
            "Since the last checkpoint",
            "So much is read again after a crash. Over three minutes: ShopperNoCheckpoint.",
            (
                Query(
                    f"time() - max({JOBMANAGER}lastCheckpointCompletedTimestamp{JOB}) / 1000",
                    "ago",
                ),
            ),
            unit="s",
            stat=True,
            width=4,
            warn=60,
            bad=180,
        ),
        Panel(
            "Not running since",
            "0 while it runs; else how long the job has been down, failing or starting again.",
            (Query(f"max({JOBMANAGER}downtime{JOB}) / 1000", "down"),),
            unit="s",
            stat=True,
            width=4,
            warn=1,
            bad=60,
        ),
        Panel(
            "Duration of the last checkpoint",
            "Its time-out is two minutes, and a batch that waits for Redis holds it up. Over 10 s: a slow "
            "`checkpoint_dir`, or a slot that is held back.",
            (of_job("lastCheckpointDuration", "duration"),),
            unit="ms",
            warn=10000,
            bad=60000,
            width=8,
        ),
        Panel(
            "Size of the last checkpoint",
            "The state of all shoppers: some kB for an active one. A slope over days: more shoppers; a step: a bot, "
            "or a change of the catalogue. Keep the TaskManagers' heap at three times this with `hashmap`.",
            (of_job("lastCheckpointFullSize", "state"), of_job("lastCheckpointSize", "written")),
            unit="bytes",
            width=8,
        ),
        Panel(
            "Checkpoints",
            "Completed and failed since the submission. Some fail at each start, before all tasks run; a slope of "
            "the failed ones while the job runs: ShopperNoCheckpoint.",
            (
                of_job("numberOfCompletedCheckpoints", "completed"),
                of_job("numberOfFailedCheckpoints", "failed"),
            ),
            width=8,
        ),
    ),
)

PRESSURE = Row(
    "Who is busy, who is held back",
    (
        Panel(
            "Busy",
            "Share of each second, busiest subtask of each task. `features` near 1: more slots, unless Redis is slow "
            "(its waiting counts as busy).",
            (
                Query(
                    f"max by (task_name) (flink_taskmanager_job_task_busyTimeMsPerSecond{JOB}) / 1000",
                    "{{task_name}}",
                ),
            ),
            unit="percentunit",
            most=1,
            warn=0.8,
            bad=0.95,
            width=8,
        ),
        Panel(
            "Held back",
            "Share of each second in which a task waits for the one after it. The culprit is the first busy task "
            "behind the last one that is held back.",
            (
                Query(
                    f"max by (task_name) (flink_taskmanager_job_task_backPressuredTimeMsPerSecond{JOB}) / 1000",
                    "{{task_name}}",
                ),
            ),
            unit="percentunit",
            most=1,
            warn=0.5,
            width=8,
        ),
        Panel(
            "Idle",
            "What is left of each second, of the busiest subtask.",
            (
                Query(
                    f"min by (task_name) (flink_taskmanager_job_task_idleTimeMsPerSecond{JOB}) / 1000",
                    "{{task_name}}",
                ),
            ),
            unit="percentunit",
            most=1,
            width=8,
        ),
        Panel(
            "Busy, by subtask of features and devices",
            "One far above the others: a hot key, or buckets that lie unevenly (docs/operations.md, A hot key).",
            (
                Query(
                    "max by (subtask_index) (flink_taskmanager_job_task_busyTimeMsPerSecond"
                    '{job_name="$job", task_name=~"(features|devices).*"}) / 1000',
                    "subtask {{subtask_index}}",
                ),
            ),
            unit="percentunit",
            most=1,
        ),
        Panel(
            "Connections of the source to Kafka",
            "0 for longer than a restart: Kafka is away, or the login does not work any more.",
            (
                Query(
                    f"min by (subtask_index) ({OPERATOR}KafkaSourceReader_KafkaConsumer_connection_count{JOB})",
                    "subtask {{subtask_index}}",
                ),
            ),
        ),
    ),
)


def process(name: str, metrics: str, legend: str) -> Row:
    """The JVM of a kind of process."""
    return Row(
        name,
        (
            Panel(
                "CPU",
                "Of all cores of the machine that the JVM uses, Python inside it included. A TaskManager uses little "
                "more than one core, for it has one interpreter.",
                (Query(f"{metrics}_Status_JVM_CPU_Load", legend),),
                unit="percentunit",
                most=1,
                width=6,
            ),
            Panel(
                "Heap",
                "Share of the most there may be. Over 90 % after each collection: give the process more memory, or "
                "use `state_backend = rocksdb`. Python's own memory is outside of it: see the machine's.",
                (
                    Query(
                        f"{metrics}_Status_JVM_Memory_Heap_Used / {metrics}_Status_JVM_Memory_Heap_Max",
                        legend,
                    ),
                ),
                unit="percentunit",
                most=1,
                warn=0.8,
                bad=0.9,
                width=6,
            ),
            Panel(
                "Garbage collection",
                "Milliseconds of each second. Over 100 ms: the heap is too small.",
                (Query(f"{metrics}_Status_JVM_GarbageCollector_All_TimeMsPerSecond", legend),),
                unit="ms",
                warn=100,
                bad=300,
                width=6,
            ),
            Panel(
                "Metaspace",
                "Share of the most there may be. It grows by a little with each submission to the same process.",
                (
                    Query(
                        f"{metrics}_Status_JVM_Memory_Metaspace_Used / {metrics}_Status_JVM_Memory_Metaspace_Max",
                        legend,
                    ),
                ),
                unit="percentunit",
                most=1,
                warn=0.8,
                bad=0.9,
                width=6,
            ),
        ),
    )


def shares(metric: str, label: str) -> Query:
    """A counter of the API a second, by a label."""
    return Query(f"sum by ({label}) (rate({API}{metric}[$__rate_interval]))", f"{{{{{label}}}}}")


def quantile(share: float) -> Query:
    """So many of the requests take no longer."""
    return Query(
        f"histogram_quantile({share}, sum by (le) (rate({API}request_seconds_bucket[$__rate_interval])))",
        f"{share:.0%} take no longer",
    )


REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Requests a second, by status",
            "401 and 403: a token is missing or wrong. 429: a caller is over `api_rate`. 503: Redis does not answer. "
            "500: a defect, see the API's log.",
            (shares("requests_total", "status"),),
            unit="reqps",
            stack=True,
            width=8,
        ),
        Panel(
            "Requests a second, by route",
            "`other` is every path that there is not: a wrong client, or a scan.",
            (shares("requests_total", "route"),),
            unit="reqps",
            stack=True,
            width=8,
        ),
        Panel(
            "Time to answer",
            "To the end of the answer, streams left out. Over 50 ms: a slow Redis, large batches, or too few servers "
            "for the requests (each has one core).",
            (quantile(0.5), quantile(0.99)),
            unit="s",
            warn=0.05,
            bad=0.25,
            width=8,
        ),
    ),
)

ANSWERS = Row(
    "What is answered",
    (
        Panel(
            "Rows a second, by verdict",
            "STALE: the job is behind or silent, see its dashboard. PARTIAL: it has not read for as long as the window. "
            "MISSING: nothing is known of the shopper, which is usual for new ones.",
            (shares("rows_total", "verdict"),),
            unit="ops",
            stack=True,
            width=8,
        ),
        Panel(
            "Rows a second, by window",
            "What callers ask for. They may name the windows that they want: fewer cost less.",
            (shares("rows_total", "window"),),
            unit="ops",
            stack=True,
            width=8,
        ),
        Panel(
            "Reads that Redis did not answer",
            "By kind of failure. Any: `redis-cli ping` from the API's machine; ShopperApiRedis in docs/operations.md.",
            (shares("redis_failures_total", "kind"),),
            unit="ops",
            bad=0.001,
            width=8,
        ),
        Panel(
            "Streams open",
            "Server-sent events, of all servers. At `api_streams_most` a server refuses more.",
            (Query(f"sum({API}streams_open)", "open"),),
        ),
        Panel(
            "Events sent on streams",
            "features: everything, at the beginning. change: what changed. unavailable: Redis did not answer; see "
            "ShopperApiRedis. end: the server stops.",
            (shares("stream_events_total", "event"),),
            unit="ops",
            stack=True,
        ),
    ),
)


VARIABLES: Final = {"job": ("Job", f"label_values({JOBMANAGER}uptime, job_name)")}
DASHBOARDS: Final = (
    Dashboard(
        "shopper-features",
        "Shopper features",
        "Is it well? Freshness, where every record went, dead letters, Redis.",
        (GLANCE, FRESHNESS, ACCOUNTING, BRANCHES, IDENTITY, DEAD, REDIS),
        VARIABLES,
    ),
    Dashboard(
        "shopper-flink",
        "Shopper features: Flink",
        "The job in Flink: checkpoints, restarts, back-pressure, processes.",
        (
            STATE,
            PRESSURE,
            process("TaskManagers", "flink_taskmanager", "{{tm_id}}"),
            process("JobManager", "flink_jobmanager", "{{host}}"),
        ),
        VARIABLES,
    ),
    Dashboard(
        "shopper-api",
        "Shopper features: API",
        "What callers of the HTTP API get, and how fast.",
        (REQUESTS, ANSWERS),
    ),
)


def files() -> dict[Path, str]:
    """What the files should hold."""
    return {
        FOLDER / f"{page.uid}.json": json.dumps(page.to_json(), indent=1, ensure_ascii=False) + "\n"
        for page in DASHBOARDS
    }


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
