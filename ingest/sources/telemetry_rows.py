"""The lake schema of ``prometheus_samples`` and the SQL that makes its rows from series: label rules,
times, values.

A row is one series of a delivered file and day: its labels once, its samples as two lists of equal length,
``ts`` and ``value``. Labels are texts and most of the cost of a sample; a series has hundreds of samples.

Label rules (gpu_and_tco.md 1.1, 1.2, 1.5): spellings of one label are coalesced; a GPU series belongs to
the workload in its ``exported_*`` labels. Where a scrape job uses those, its bare pod is the exporter's own
and becomes null, as does any bare pod of a GPU series that is evidently an exporter. Values stay raw: NaN,
infinities and sentinels are nulled later, by measure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ingest.sql_casts import literal, quoted

DATASET = "prometheus_samples"
_TEXTS = [
    "job",
    "instance",
    "hostname",
    "gpu_index",
    "gpu_uuid",
    "gpu_model_raw",
    "gpu_instance_id",
    "gpu_instance_profile",
    "device",
    "pod",
    "namespace",
    "container",
    "vgpu",
    "served_model_name",
    "engine",
    "finished_reason",
    "token_source",
    "exporter_generation",
    "labels",
]
SCHEMA: Mapping[str, str] = {
    "metric": "VARCHAR",
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    "ts": "TIMESTAMP[]",
    "value": "DOUBLE[]",
}
# a row is a whole series: row groups of 2,048 series already hold millions of samples
COPY_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 2048, PARQUET_VERSION v2"
FORMAT_VERSION = 2
_SERVING = r"^(kserve_)?(vllm|sglang|llamacpp|tgi|trtllm)[:_.].*"
_NEW_NAMES = (
    r"DCGM_FI_(DEV|PROF).*(_RATIO|_JOULES_TOTAL|_WATTS|_HERTZ|_CELSIUS"
    r"|_FB_(USED|FREE|RESERVED|CAPACITY)_BYTES|_PCIE_[RT]X_BYTES_TOTAL)"
)
_EXPORTER = r"(^|.*-)(exporter|dcgm-exporter|gpu-exporter|nvidia-smi-exporter|dcgm)(-.*|$)"
GPU_LABELS = ("UUID", "uuid", "gpu_uuid")
EXPORTED_LABELS = ("exported_pod", "exported_namespace", "exported_container")


def is_gpu_series(labels: Mapping[str, str]) -> bool:
    """Whether the series comes from a GPU exporter, whose pod labels may be its own."""
    return labels.get("__name__", "").startswith("DCGM_") or any(label in labels for label in GPU_LABELS)


def rows_query(labelled: str, *, exported_jobs: Collection[str]) -> str:
    """SQL of the lake's rows; a series without samples gives none.

    Args:
        labelled: SQL of a relation with ``m`` MAP(VARCHAR, VARCHAR), ``times`` DOUBLE[] in Unix seconds and ``readings``
            VARCHAR[] or DOUBLE[], as long.
        exported_jobs: scrape jobs of GPU series that keep the workload in ``exported_*`` labels.
    """
    jobs = ", ".join(literal(job) for job in sorted(exported_jobs)) or "NULL"
    columns = _label_columns(f"[{jobs}]::VARCHAR[]")
    labels = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in columns.items())
    return (
        f"SELECT {labels},"
        " list_transform(times, lambda t: make_timestamp(CAST(round(t * 1e6) AS BIGINT))) AS ts,"
        ' CAST(readings AS DOUBLE[]) AS "value"'
        f" FROM ({labelled}) WHERE len(times) > 0"
    )


def rows_by_day(rows: str) -> str:
    """SQL of the rows cut at midnight UTC, with one more column ``day`` ('YYYY-MM-DD').

    Args:
        rows: SQL of rows whose samples ascend in time.
    """
    counted = (
        "SELECT *, list_aggregate(list_transform(ts, lambda t: strftime(t, '%Y-%m-%d')), 'histogram') AS days"
        f" FROM ({rows})"
    )
    numbered = (
        "SELECT * EXCLUDE (days), unnest(map_keys(days)) AS day, unnest(map_values(days)) AS samples,"
        f" generate_subscripts(map_keys(days), 1) AS number, map_values(days) AS of_days FROM ({counted})"
    )
    begun = f"SELECT *, coalesce(list_sum(of_days[:number - 1]), 0) AS before FROM ({numbered})"
    return (
        "SELECT * EXCLUDE (samples, number, of_days, before)"
        " REPLACE (ts[before + 1:before + samples] AS ts, \"value\"[before + 1:before + samples] AS \"value\")"
        f" FROM ({begun})"
    )


def _label(*names: str) -> str:
    each = [f"nullif(m[{literal(name)}], '')" for name in names]
    return f"coalesce({', '.join(each)})" if len(each) > 1 else each[0]


def _label_columns(exported_jobs: str) -> dict[str, str]:
    metric = "m['__name__']"
    serving = f"regexp_matches({metric}, {literal(_SERVING)})"
    gpu = f"({metric} LIKE 'DCGM\\_%' ESCAPE '\\' OR {_label(*GPU_LABELS)} IS NOT NULL)"
    exported = f"{_label(*EXPORTED_LABELS)} IS NOT NULL"
    own = " OR ".join(
        f"regexp_matches({_label(name)}, {literal(_EXPORTER)})" for name in ("pod", "container", "pod_name", "container_name")
    )
    job_exports = f"list_contains({exported_jobs}, coalesce({_label('job')}, ''))"
    foreign = f"({gpu} AND ({job_exports} OR coalesce({own}, false)))"

    def workload(name: str, old_name: str) -> str:
        return (
            f"CASE WHEN {exported} THEN {_label('exported_' + name)} WHEN {foreign} THEN NULL ELSE {_label(name, old_name)} END"
        )

    return {
        "metric": f"CASE WHEN {metric} <> '' THEN {metric} ELSE error('a series has no __name__') END",
        "job": _label("job"),
        "instance": _label("instance"),
        "hostname": _label("Hostname", "hostname"),
        "gpu_index": _label("gpu"),
        "gpu_uuid": _label(*GPU_LABELS),
        "gpu_model_raw": f"CASE WHEN {serving} THEN {_label('modelName')} ELSE {_label('modelName', 'model_name')} END",
        "gpu_instance_id": _label("GPU_I_ID"),
        "gpu_instance_profile": _label("GPU_I_PROFILE"),
        "device": _label("device"),
        "pod": workload("pod", "pod_name"),
        "namespace": workload("namespace", "pod_namespace"),
        "container": workload("container", "container_name"),
        "vgpu": _label("vgpu"),
        "served_model_name": f"CASE WHEN {serving} THEN {_label('model_name')} END",
        "engine": _label("engine"),
        "finished_reason": _label("finished_reason"),
        "token_source": f"CASE WHEN {serving} THEN {_label('source', 'cache_source')} END",
        "exporter_generation": _generation(metric),
        "labels": "CAST(to_json(map_from_entries(list_sort(list_filter(map_entries(m),"
        " lambda e: e.key <> '__name__')))) AS VARCHAR)",
    }


def _generation(metric: str) -> str:
    """DCGM 4.7 renamed fields and changed units; the driver label tells the exporter, else the field's name
    does.
    """
    return (
        f"CASE WHEN {metric} NOT LIKE 'DCGM%' THEN NULL"
        f" WHEN {_label('DCGM_FI_SYSTEM_DRIVER_VERSION')} IS NOT NULL THEN 'dcgm_4_7'"
        f" WHEN {_label('DCGM_FI_DRIVER_VERSION')} IS NOT NULL THEN 'legacy'"
        f" WHEN regexp_full_match({metric}, {literal(_NEW_NAMES)}) THEN 'dcgm_4_7' ELSE 'legacy' END"
    )
