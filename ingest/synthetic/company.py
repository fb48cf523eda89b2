"""Who and what the sample company is: teams, GPU nodes, workloads, accounts. Facts only, no logic.

The owners here must agree with seeds/allocation/*.csv and seeds/gpu/node_map.csv (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

TEAMS: tuple[str, ...] = (
    "search",
    "assistant",
    "ads",
    "support_ai",
    "research",
    "mobile",
    "data_platform",
    "platform",
)
UNALLOCATED = "unallocated"
CURRENCY = "USD"

GPU_PAYER = "111122223333"
GPU_ACCOUNT = "111122223301"
APPS_ACCOUNT = "111122223302"
APPS_PAYER = "444455556666"
SAVINGS_PLAN_ARN = f"arn:aws:savingsplans::{GPU_PAYER}:savingsplan/5a1b7c0e-2f6d-4d5e-9a11-0c0ffee0cafe"
SAVINGS_PLAN_HOURLY = Decimal("46.5")
CLUSTER = "nw-prod-use1"
AWS_ISSUER = "Amazon Web Services, Inc."
MARKETPLACE_SELLER = "Lantern Systems, Inc."
MARKETPLACE_PRODUCT = "lanternobs8k2m4x7q1v9t3w6zb"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A GPU machine kind. Rates are USD per hour; ``spot_floor`` is the lowest spot price."""

    number: int
    instance_id: str
    hostname: str
    instance_type: str
    gpu_raw: str
    gpu_model: str
    gpus: int
    purchase: str  # on_demand | savings_plan | spot
    schedule: str  # always | weekdays | spot_day | spot_split
    on_demand_rate: Decimal
    paid_rate: Decimal
    has_profiling: bool
    address: str


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that holds GPUs of a node kind. ``gen_rate``: output tokens per slot and percent of load."""

    number: int
    node: int
    gpus: tuple[int, ...]
    deployment: str
    team: str
    namespace: str
    stem: str
    container: str
    profile: str
    fb_mib: int
    engine_model: str = ""
    is_standby: bool = False
    office_hours: bool = False
    gen_rate: int = 0
    prompt_ratio: int = 0
    cached_percent: int = 0
    output_per_request: int = 200


def _node(number: int, instance_type: str, gpu_raw: str, gpu_model: str, gpus: int, **extra: object) -> Node:
    values = {
        "number": number,
        "instance_id": f"i-0a10000000000e{number:03d}",
        "instance_type": instance_type,
        "gpu_raw": gpu_raw,
        "gpu_model": gpu_model,
        "gpus": gpus,
        "purchase": "on_demand",
        "schedule": "always",
        "has_profiling": True,
        **extra,
    }
    for key in ("on_demand_rate", "paid_rate"):
        values[key] = Decimal(str(values.get(key, extra["on_demand_rate"])))
    values.setdefault("address", "")
    values.setdefault("hostname", f"ip-{str(values['address']).replace('.', '-')}.ec2.internal")
    return Node(**values)  # type: ignore[arg-type]


_L40S, _L4 = "NVIDIA L40S", "NVIDIA L4"
NODES = (
    _node(1, "p5.48xlarge", "NVIDIA H100 80GB HBM3", "H100", 8, purchase="savings_plan", address="10.0.1.11",
          on_demand_rate="55.04", paid_rate="38.528"),
    _node(2, "g6e.12xlarge", _L40S, "L40S", 4, address="10.0.1.21", on_demand_rate="10.4926"),
    _node(3, "g6e.12xlarge", _L40S, "L40S", 4, purchase="savings_plan", schedule="weekdays",
          address="10.0.1.22", on_demand_rate="10.4926", paid_rate="7.3448"),
    _node(4, "g5.12xlarge", "NVIDIA A10G", "A10G", 4, purchase="spot", schedule="spot_day",
          address="10.0.1.31", on_demand_rate="5.672", paid_rate="1.9", has_profiling=False),
    _node(5, "g6.12xlarge", _L4, "L4", 4, address="10.0.1.41", on_demand_rate="4.6016"),
    _node(6, "g6e.xlarge", _L40S, "L40S", 1, purchase="spot", schedule="spot_split", address="10.0.1.42",
          on_demand_rate="1.861", paid_rate="0.7"),
    _node(7, "g6.xlarge", _L4, "L4", 1, address="10.0.1.51", hostname="i-0a10000000000e007",
          on_demand_rate="0.8048"),
)  # fmt: skip

_LLAMA_8B = {
    "engine_model": "meta-llama/Llama-3.1-8B-Instruct",
    "stem": "vllm-llama-8b-",
    "container": "vllm",
    "prompt_ratio": 5,
    "cached_percent": 30,
    "output_per_request": 180,
}
_L40S_8B = {**_LLAMA_8B, "fb_mib": 40960, "gen_rate": 2400}
_EMBED = {"stem": "batch-embed-", "container": "worker", "profile": "steady", "fb_mib": 14336}
_RANKER = {"stem": "ranker-", "container": "triton", "profile": "search", "fb_mib": 9216}


def _pod(number: int, node: int, gpus: tuple[int, ...], deployment: str, team: str, namespace: str, **extra: object) -> Pod:
    values = {"number": number, "node": node, "gpus": gpus, "deployment": deployment, "team": team}
    return Pod(**{**values, "namespace": namespace, **extra})  # type: ignore[arg-type]


PODS = (
    _pod(1, 1, (0, 1, 2, 3), "assistant-llama-70b", "assistant", "assistant", stem="vllm-llama-70b-",
         container="vllm", profile="chat", fb_mib=73728, engine_model="meta-llama/Llama-3.3-70B-Instruct",
         gen_rate=4200, prompt_ratio=4, cached_percent=40, output_per_request=320),
    _pod(2, 1, (4, 5), "research-gpt-oss-120b", "research", "research", stem="vllm-gpt-oss-120b-",
         container="vllm", profile="batch", fb_mib=69632, engine_model="openai/gpt-oss-120b", gen_rate=9000,
         prompt_ratio=2, cached_percent=10, output_per_request=700),
    _pod(3, 1, (6,), "research-notebooks", "research", "research", stem="notebook-", container="notebook",
         profile="notebook", fb_mib=20480, office_hours=True),
    _pod(4, 2, (0,), "search-llama-8b", "search", "search", profile="search", **_L40S_8B),
    _pod(5, 2, (1,), "search-llama-8b", "search", "search", profile="search", **_L40S_8B),
    _pod(6, 2, (2,), "ads-llama-8b", "ads", "ads", profile="batch", **_L40S_8B),
    _pod(7, 2, (3,), "support-llama-8b", "support_ai", "support-ai", profile="chat", **_L40S_8B),
    _pod(8, 3, (0,), "search-llama-8b-standby", "search", "search", profile="never", is_standby=True,
         **{**_L40S_8B, "stem": "vllm-llama-8b-standby-"}),
    _pod(9, 3, (1,), "mobile-llama-8b", "mobile", "mobile", profile="chat", **_L40S_8B),
    _pod(10, 3, (3,), "", UNALLOCATED, "sandbox", stem="gradio-demo-", container="app", profile="notebook",
         fb_mib=12288),
    _pod(11, 4, (0, 1), "data-embeddings", "data_platform", "data-platform", **_EMBED),
    _pod(12, 4, (2, 3), "data-embeddings", "data_platform", "data-platform", **_EMBED),
    _pod(13, 5, (0,), "ads-ranker", "ads", "ads", **_RANKER),
    _pod(14, 5, (1,), "ads-ranker", "ads", "ads", **_RANKER),
    _pod(15, 5, (2,), "platform-eval", "platform", "platform", stem="eval-runner-", container="runner",
         profile="notebook", fb_mib=15360),
    _pod(16, 6, (0,), "mobile-llama-8b", "mobile", "mobile", profile="chat", **_L40S_8B),
    _pod(17, 7, (0,), "search-llama-8b", "search", "search", profile="search",
         **{**_LLAMA_8B, "fb_mib": 20480, "gen_rate": 700}),
)  # fmt: skip

# profile -> percent: busy at night, by day, in the evening; weekend factor; utilisation level
PROFILES: dict[str, tuple[int, int, int, int, int]] = {
    "chat": (25, 95, 80, 60, 48),
    "search": (55, 98, 90, 90, 62),
    "batch": (90, 30, 60, 100, 78),
    "steady": (95, 95, 95, 100, 70),
    "notebook": (2, 18, 5, 10, 35),
    "never": (0, 0, 0, 0, 0),
}


def busy_by_hour(profile: str) -> list[tuple[int, int, int]]:
    """(hour of the week from Monday 00:00, busy percent, utilisation level) for a profile, 168 rows."""
    night, day, evening, weekend, level = PROFILES[profile]
    rows = []
    for hour in range(168):
        of_day = hour % 24
        share = night if of_day < 7 or of_day == 23 else evening if of_day >= 18 else day
        rows.append((hour, share * weekend // 100 if hour >= 120 else share, level))
    return rows
