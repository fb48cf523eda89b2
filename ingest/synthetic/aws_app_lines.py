"""The applications' lines on the first AWS payer's bill: CPU by the hour, storage and network by the day.

Tagged with a team, with a component, with a team that does not exist, or not at all: the columns owner_kind
and owner say where each must end.
"""

from __future__ import annotations

from ingest.synthetic.company import APPS_ACCOUNT, MARKETPLACE_PRODUCT, MARKETPLACE_SELLER
from ingest.synthetic.world import MONEY, World, values

# in bulk the CPU fleet grows faster than the GPU fleet, so that the kinds of rows stay comparable
BULK_FACTOR = 5
_FLEET_COLUMNS = "box, instance_type, rate, team_tag, copies, owner_kind, owner"
_FLEET = (
    ("search-index", "r7i.4xlarge", "1.0584", "search", 2, "team", "search"),
    ("assistant-gateway", "c7i.2xlarge", "0.357", "assistant", 2, "team", "assistant"),
    ("ads-features", "m7i.4xlarge", "0.8064", "ads", 1, "team", "ads"),
    ("support-portal", "m7i.xlarge", "0.2016", "support_ai", 1, "team", "support_ai"),
    ("mobile-edge", "c7i.xlarge", "0.1785", "mobile", 1, "team", "mobile"),
    ("data-spark", "r7i.8xlarge", "2.1168", "data_platform", 1, "team", "data_platform"),
    ("platform-control", "m7i.2xlarge", "0.4032", "platform", 1, "team", "platform"),
    ("growth-site", "c7i.large", "0.08925", "growth", 1, "none", ""),
    ("forgotten-box", "m7i.large", "0.1008", "", 1, "none", ""),
)
_DAILY_COLUMNS = (
    "box, product_code, usage_type, operation, unit, rate, least_quantity, quantity_range, team_tag, "
    "component_tag, owner_kind, owner"
)
_S3 = ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "0.023")
_EBS = ("AmazonEC2", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "0.08")
_NAT = ("AmazonVPC", "NatGateway-Bytes", "NatGateway", "GB", "0.045")
_TRANSFER = ("AWSDataTransfer", "DataTransfer-Out-Bytes", "InterZone-Out", "GB", "0.09")
_LARGE_DB = ("AmazonRDS", "InstanceUsage:db.r7g.large", "CreateDBInstance:0014", "Hrs", "0.239")
_SMALL_DB = ("AmazonRDS", "InstanceUsage:db.t4g.large", "CreateDBInstance:0014", "Hrs", "0.129")
_DAILY = (
    ("search-docs", *_S3, 400, 60, "search", "", "team", "search"),
    ("research-sets", *_S3, 900, 90, "research", "", "team", "research"),
    ("raw-dumps", *_S3, 150, 20, "", "", "none", ""),
    ("assistant-db", *_LARGE_DB, 24, 1, "assistant", "", "team", "assistant"),
    ("support-db", *_SMALL_DB, 24, 1, "support_ai", "", "team", "support_ai"),
    ("model-store", *_S3, 1200, 40, "", "model-store", "pool", "storage"),
    ("model-cache", *_EBS, 260, 10, "", "model-store", "pool", "storage"),
    ("nat-main", *_NAT, 700, 300, "", "", "pool", "network"),
    ("transfer-out", *_TRANSFER, 300, 200, "", "", "pool", "network"),
)
_FAMILY = """
    case product_code when 'AmazonS3' then 'Storage' when 'AmazonRDS' then 'Database Instance'
        when 'AmazonVPC' then 'NAT Gateway' when 'AmazonEC2' then 'Storage' else 'Data Transfer' end"""
_DAY = "to_days(day::integer) + timestamp '1970-01-01' as start_at, start_at + interval 1 day as end_at"


def app_lines(world: World, first: int, end: int) -> list[str]:
    """SQL of the application lines for day numbers [first, end), one query per kind."""
    days = f"(select unnest(range({first}, {end})) as day)"
    hours = f"(select unnest(range({first * 24}, {end * 24})) as hour)"
    return [_cpu_lines(world, hours), _daily_lines(world, days), _marketplace_lines(days)]


def _cpu_lines(world: World, hours: str) -> str:
    copies = f"copies * {world.scale * BULK_FACTOR}" if world.is_bulk else "copies"
    return f"""
        select
            'Usage' as line_type, 'AmazonEC2' as product_code, 'Amazon Elastic Compute Cloud' as product_name,
            'BoxUsage:' || instance_type as usage_type, 'RunInstances' as operation,
            'Compute Instance' as family, instance_type, '{APPS_ACCOUNT}' as account_id, resource_id,
            to_seconds(hour * 3600) + timestamp '1970-01-01' as start_at,
            start_at + interval 1 hour as end_at,
            1::decimal(18, 6) as usage_amount, 'Hrs' as unit, rate::{MONEY} as cost, cost as public_cost,
            '$' || rate || ' per On Demand Linux ' || instance_type || ' Instance Hour' as description,
            'On Demand' as term, box as name_tag, team_tag, cost as billed, cost as effective, owner_kind,
            owner
        from (
            select *, printf('i-0c%s%07x', substr(md5(box), 1, 8), copy) as resource_id
            from ({values(_FLEET_COLUMNS, _FLEET)}) cross join range({copies}) as c(copy)
        ) cross join {hours}"""


def _daily_lines(world: World, days: str) -> str:
    quantity = f"(least_quantity + {world.draw('quantity_range', 'daily', 'box', 'copy', 'day')})"
    return f"""
        select
            'Usage' as line_type, product_code, product_code as product_name, usage_type, operation,
            {_FAMILY} as family, '{APPS_ACCOUNT}' as account_id,
            'arn:aws:northwind:us-east-1:{APPS_ACCOUNT}:' || box || '-' || copy as resource_id, {_DAY},
            {quantity}::decimal(18, 6) as usage_amount, unit,
            ({quantity} * rate::decimal(9, 6))::{MONEY} as cost, cost as public_cost,
            '$' || rate || ' per ' || unit || ' of ' || usage_type as description, 'On Demand' as term,
            box as name_tag, team_tag, component_tag, cost as billed, cost as effective, owner_kind, owner
        from ({values(_DAILY_COLUMNS, _DAILY)}) cross join range({world.scale}) as c(copy)
        cross join {days}"""


def _marketplace_lines(days: str) -> str:
    return f"""
        select
            'Usage' as line_type, '{MARKETPLACE_PRODUCT}' as product_code,
            'Lantern Observability' as product_name, 'MP:hosts-Units' as usage_type,
            'LanternHosts' as operation, 'Software' as family, '{APPS_ACCOUNT}' as account_id,
            '' as resource_id, {_DAY}, 36::decimal(18, 6) as usage_amount, 'Units' as unit,
            28.44::{MONEY} as cost, cost as public_cost,
            'Lantern Observability, monitored hosts' as description,
            'AWS Marketplace' as billing_entity, '{MARKETPLACE_SELLER}' as legal_entity, cost as billed,
            cost as effective, 'pool' as owner_kind, 'observability' as owner
        from {days}"""
