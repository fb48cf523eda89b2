"""The lines of the first AWS payer's month: GPU nodes, Savings Plan, applications, support, tax and credits.

Table ``aws_lines``: one row per bill line with what CUR 2.0 will show and, besides, the truth: billed,
effective, and whose it is (``owner_kind`` team | pool | gpu | fee | none, ``owner``). GPU lines belong to
whoever held the GPUs (truth_gpu); a fee's billed part goes to the pool of commitment fees, its unused part
to the platform team.
"""

from __future__ import annotations

from ingest.synthetic.aws_app_lines import app_lines
from ingest.synthetic.company import APPS_ACCOUNT, GPU_ACCOUNT, SAVINGS_PLAN_ARN, SAVINGS_PLAN_HOURLY
from ingest.synthetic.window import Month, day_number, month_start
from ingest.synthetic.world import MONEY, World

_CREDITS = (
    ("Credit", "PromotionalCredit", "-180.00", "AWS Activate credit"),
    ("Refund", "Refund-DataTransfer", "-37.45", "Refund of a transfer overcharge"),
)


def make_aws_lines(world: World, month: Month) -> None:
    """Table aws_lines of the month; node_slots must cover it."""
    first, end = day_number(month.first), day_number(month.end)
    world.table(
        "node_hours",
        f"""
        select
            n.*, hour, to_seconds(hour * 3600) + timestamp '1970-01-01' as start_at, used,
            (used * rate)::{MONEY} as paid, (used * on_demand_rate)::{MONEY} as listed, rate
        from (
            select node_no, abs // 10 as hour, (count(*) * 0.1::decimal(2, 1))::decimal(9, 1) as used,
                any_value(rate) as rate
            from node_slots where day >= {first} and day < {end} group by all
        ) inner join nodes as n using (node_no)
        """,
    )
    parts = [_GPU_LINES, _fee_lines(first, end, world.scale), *app_lines(world, first, end)]
    world.table("usage_lines", " union all by name ".join(f"select * from ({part})" for part in parts))
    of_month = _month_lines(month, world.scale)
    world.table(
        "aws_lines",
        f"""
        select * from (select * from usage_lines union all by name select * from ({of_month}))
        order by start_at, product_code, usage_type, resource_id, account_id, line_type
        """,
    )


# a covered hour is two lines that cancel: covered usage at list price, and its negation
_GPU_LINES = f"""
    with lines as (
        select *, 'Usage' as line_type from node_hours where purchase != 'savings_plan'
        union all by name
        select *, 'SavingsPlanCoveredUsage' as line_type from node_hours where purchase = 'savings_plan'
        union all by name
        select *, 'SavingsPlanNegation' as line_type from node_hours where purchase = 'savings_plan'
    )
    select
        line_type, 'AmazonEC2' as product_code, 'Amazon Elastic Compute Cloud' as product_name,
        case purchase when 'spot' then 'SpotUsage:' else 'BoxUsage:' end || instance_type as usage_type,
        case purchase when 'spot' then 'RunInstances:SV001' else 'RunInstances' end as operation,
        'Compute Instance' as family, instance_type, '{GPU_ACCOUNT}' as account_id,
        instance_id as resource_id,
        start_at, start_at + interval 1 hour as end_at, used::decimal(18, 6) as usage_amount, 'Hrs' as unit,
        case line_type when 'Usage' then paid when 'SavingsPlanNegation' then -listed else listed end as cost,
        case line_type when 'SavingsPlanNegation' then 0 else listed end as public_cost,
        case line_type when 'SavingsPlanCoveredUsage' then paid end as sp_effective,
        case purchase when 'savings_plan' then rate end as sp_rate,
        case purchase when 'savings_plan' then '{SAVINGS_PLAN_ARN}' end as sp_arn,
        case line_type when 'Usage' then paid else 0 end as billed,
        case line_type when 'SavingsPlanNegation' then 0 else paid end as effective,
        'gpu' as owner_kind, '' as owner,
        case purchase when 'spot' then 'Spot Instance' when 'savings_plan' then 'Savings Plan'
            else 'On Demand' end as term,
        case line_type
            when 'SavingsPlanNegation'
                then 'SavingsPlanNegation used by AccountId : {GPU_ACCOUNT} and UsageSku : ' || instance_type
            else '$' || on_demand_rate || ' per ' || term || ' Linux ' || instance_type || ' Instance Hour'
        end as description
    from lines"""


def _fee_lines(first: int, end: int, scale: int) -> str:
    """The hourly commitment fee; what covered usage did not use is unused."""
    fee = f"{SAVINGS_PLAN_HOURLY * scale}::{MONEY}"
    return f"""
        with hours as (
            select hour, to_seconds(hour * 3600) + timestamp '1970-01-01' as start_at
            from (select unnest(range({first * 24}, {end * 24})) as hour)
        ),
        used as (
            select hour, sum(paid)::{MONEY} as used from node_hours where purchase = 'savings_plan'
            group by hour
        )
        select
            'SavingsPlanRecurringFee' as line_type, 'ComputeSavingsPlans' as product_code,
            'Savings Plans for AWS Compute usage' as product_name, 'ComputeSP:1yrNoUpfront' as usage_type,
            '' as operation, 'Compute Savings Plan' as family, '{GPU_ACCOUNT}' as account_id,
            '{SAVINGS_PLAN_ARN}' as resource_id, start_at, start_at + interval 1 hour as end_at,
            1::decimal(18, 6) as usage_amount, 'Hrs' as unit, {fee} as cost, 0::{MONEY} as public_cost,
            '{SAVINGS_PLAN_ARN}' as sp_arn, {fee} as sp_total, coalesce(used, 0)::{MONEY} as sp_used,
            '1 year No Upfront Compute Savings Plan' as description, {fee} as billed,
            ({fee} - coalesce(used, 0))::{MONEY} as effective, 'fee' as owner_kind, '' as owner
        from hours left join used using (hour)"""


def _month_lines(month: Month, scale: int) -> str:
    """Support 3 %, tax 6 % by account, a credit and a refund: rounded to cents as on a real bill."""
    own_cost = "case when legal_entity is null then cost else 0 end"
    share = f"round(sum({own_cost}) * {{rate}}::decimal(3, 2), 2)::{MONEY}"
    credits = ", ".join(
        f"('{kind}', 'AmazonEC2', '{usage_type}', '{APPS_ACCOUNT}', "
        f"({value}::decimal(9, 2) * {scale})::{MONEY}, '{text}', null, 'credits')"
        for kind, usage_type, value, text in _CREDITS
    )
    start, stop = month_start(month.period), month_start(month.period.next())
    return f"""
        with charged as (
            select 'Fee' as line_type, 'AWSSupportBusiness' as product_code, 'Dollar' as usage_type,
                '{APPS_ACCOUNT}' as account_id, {share.format(rate="0.03")} as cost,
                'AWS Support (Business)' as description, null as tax_type, 'support' as owner
            from usage_lines
            union all
            select 'Tax', 'AmazonEC2', '', account_id, {share.format(rate="0.06")},
                'Tax for product code AmazonEC2', 'US Sales Tax', 'tax'
            from usage_lines group by account_id
            union all
            values {credits}
        )
        select
            *, '' as operation, '' as resource_id, timestamp '{start}' as start_at,
            timestamp '{stop}' as end_at,
            case product_code when 'AmazonEC2' then 'Amazon Elastic Compute Cloud'
                else 'AWS Support (Business)' end as product_name,
            0::{MONEY} as public_cost, cost as billed, cost as effective, 'pool' as owner_kind
        from charged"""
