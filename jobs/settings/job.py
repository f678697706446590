"""The settings as the live job takes them."""

from typing import Final

from jobs.job_config import JobConfig
from jobs.settings.model import Settings
from jobs.settings.parse import instant_ms
from sinks.address import with_authority

_NAMED_STARTS: Final = ("recent", "earliest", "latest")
_SHADED: Final = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security"
"""Flink's Kafka connector brings Kafka's classes under names of its own."""
_LOGIN_MODULES: Final = {
    "PLAIN": f"{_SHADED}.plain.PlainLoginModule",
    "SCRAM-SHA-256": f"{_SHADED}.scram.ScramLoginModule",
    "SCRAM-SHA-512": f"{_SHADED}.scram.ScramLoginModule",
}


def job_config(
    settings: Settings, *, life: int, checkpoint_dir: str, python: str = "", restore_from: str = ""
) -> JobConfig:
    """Describe the job to run.

    Args:
        settings: the shop's settings.
        life: now, epoch milliseconds: the life of a run that begins without state.
        checkpoint_dir: a URI; that of the settings, or a folder of a cluster on this machine.
        python: the workers' Python; empty: what the cluster is configured with.
        restore_from: a checkpoint or savepoint to begin from.
    """
    decoder = settings.decoder()
    return JobConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        kafka_properties=kafka_properties(settings),
        topic=settings.topic,
        sources=settings.declared,
        sides=settings.declared_sides,
        side_wait_s=settings.side_wait_s,
        dead_letter_topic=settings.dead_letter_topic,
        redis_url=with_authority(settings.redis_url),
        redis_prefix=settings.redis_prefix,
        job_name=settings.job_name,
        topology=settings.topology,
        parallelism=settings.parallelism,
        buckets=settings.buckets,
        batch_ms=settings.batch_ms,
        state_backend=settings.state_backend,
        checkpoint_dir=checkpoint_dir,
        checkpoint_interval_s=settings.checkpoint_interval_s,
        rewrites_per_s=settings.rewrites_per_s,
        compiled=settings.compiled,
        start=settings.start if settings.start in _NAMED_STARTS else instant_ms(settings.start),
        wire_format=decoder.wire_format,
        app_ids=decoder.app_ids,
        exclude_robots=decoder.exclude_robots,
        search=decoder.search,
        id_key=decoder.id_key,
        definitions=settings.definitions(),
        entities=settings.entity_settings(),
        life=life,
        restore_from=restore_from,
        python=python,
    )


def kafka_properties(settings: Settings) -> dict[str, str]:
    """Return what Kafka's Java clients need to be let in; nothing for a plain broker."""
    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return {}
    properties: dict[str, str] = {"security.protocol": protocol}
    if settings.kafka_ca_file is not None:
        # The certificate itself, since a path would have to exist on every worker.
        properties["ssl.truststore.type"] = "PEM"
        properties["ssl.truststore.certificates"] = settings.kafka_ca_file.read_text()
    if protocol.startswith("SASL"):
        properties["sasl.mechanism"] = settings.kafka_sasl_mechanism
        properties["sasl.jaas.config"] = (
            f"{_LOGIN_MODULES[settings.kafka_sasl_mechanism]} required "
            f"username={_quoted(settings.kafka_sasl_user)} "
            f"password={_quoted(settings.kafka_sasl_password.get_secret_value())};"
        )
    return properties


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
