"""The Prometheus series of the fleet: metrics, their value in a slot, and their label sets.

dcgm-exporter 4.x before the 4.9 renames, vLLM 0.12; the chart's default ``honorLabels: false`` holds, so
the workload is in ``exported_*`` and ``pod`` is the exporter's own. One node kind is scraped by two
replicas of Prometheus.
"""

from __future__ import annotations

from ingest.synthetic.company import CLUSTER
from ingest.synthetic.world import World

HA_NODE = 7
# value of a slot by metric; GPU_UTIL saturates above the real engine activity where profiling works
GPU_METRICS = {
    "DCGM_FI_DEV_GPU_UTIL": "case when percent = 0 or not has_profiling then percent else least(100, percent + 24) end",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "percent * 0.01::decimal(3, 2)",
    "DCGM_FI_DEV_FB_USED": "fb_mib",
    "DCGM_FI_DEV_POWER_USAGE": "60 + percent * 6",
}
PROFILING_METRIC = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"  # not on GPUs without profiling
# metric, column of engine_slots, finished_reason
ENGINE_METRICS = (
    ("vllm:prompt_tokens_total", "prompt_total", ""),
    ("vllm:generation_tokens_total", "generated_total", ""),
    ("vllm:prompt_tokens_cached_total", "cached_total", ""),
    ("vllm:num_requests_running", "running", ""),
    ("vllm:num_requests_waiting", "waiting", ""),
    ("vllm:request_success_total", "stop_total", "stop"),
    ("vllm:request_success_total", "length_total", "length"),
    ("vllm:request_success_total", "error_total", "error"),
)
_REASONS = ", ".join(f"'{reason}'" for reason in ("", "stop", "length", "error"))
_POD_NAME = (
    "stem || substr(md5(concat(pod_no, '/', replica, '/', pod_start)), 1, 9) || '-' "
    "|| substr(md5(concat(pod_start, '/', replica, '/', pod_no)), 1, 5)"
)
# members of the label sets' JSON objects, keys sorted, without __name__
_GPU_LABELS = f"""
    '"DCGM_FI_DRIVER_VERSION":"570.86.15","Hostname":"' || hostname || '","UUID":"' || uuid
    || '","cluster":"{CLUSTER}","container":"exporter","device":"nvidia' || gpu || '",'
    || case when pod is null then ''
        else '"exported_container":"' || container || '","exported_namespace":"' || namespace
            || '","exported_pod":"' || pod || '",' end
    || '"gpu":"' || gpu || '","instance":"' || instance || '","job":"dcgm-exporter","modelName":"' || gpu_raw
    || '","namespace":"monitoring","pod":"' || exporter || '"'
    || case when prometheus = '' then '' else ',"prometheus_replica":"' || prometheus || '"' end"""
_ENGINE_LABELS = f"""
    '"cluster":"{CLUSTER}","container":"' || container || '","engine":"0",'
    || case when reason = '' then '' else '"finished_reason":"' || reason || '",' end
    || '"job":"vllm","model_name":"' || engine_model || '","namespace":"' || namespace
    || '","pod":"' || pod || '"'"""
_INSTANCE = (
    "case when n.replica = 0 then n.address "
    "else printf('10.%d.%d.%d', 16 + n.replica // 250, n.replica % 250, 10 + n.base_node) end || ':9400'"
)


def make_series(world: World) -> None:
    """Tables gpu_series and engine_series: the label sets behind gpu_slots and engine_slots."""
    world.table(
        "gpu_series",
        f"""
        with held as (select distinct node_no, gpu, pod_no, pod_start from gpu_slots where observed),
        labelled as (
            select
                h.*, n.hostname, n.gpu_raw, n.has_profiling, p.namespace, p.container,
                {_INSTANCE} as instance,
                printf('GPU-%08x-0000-4000-8000-%012x', h.node_no, h.gpu) as uuid,
                'dcgm-exporter-' || substr(md5(n.instance_id), 1, 5) as exporter,
                case when h.pod_no is not null then {_POD_NAME} end as pod,
                unnest(case when n.base_node = {HA_NODE} then ['a', 'b'] else [''] end) as prometheus
            from held as h inner join nodes as n using (node_no) left join pods as p using (pod_no)
        )
        select *, '{{' || {_GPU_LABELS} || '}}' as labels from labelled
        """,
    )
    world.table(
        "engine_series",
        f"""
        with running as (select distinct pod_no, replica, pod_start from engine_slots),
        labelled as (
            select r.*, p.namespace, p.container, p.engine_model, {_POD_NAME} as pod,
                unnest([{_REASONS}]) as reason
            from running as r inner join pods as p using (pod_no)
        )
        select *, '{{' || {_ENGINE_LABELS} || '}}' as labels from labelled
        """,
    )
