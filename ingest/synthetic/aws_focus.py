"""The second AWS payer's bill as AWS Data Exports writes FOCUS 1.2: gzip CSV with 60 columns, in two chunks.

Table ``focus_lines``: daily lines of applications (Bedrock tokens, storage, functions) by member account,
    one untagged
account that nobody owns, tax and a credit. Layout as in aws_cur; each chunk has its own header.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingest.synthetic.aws_cur import invoice_id
from ingest.synthetic.focus_columns import focus_columns, focus_select
from ingest.synthetic.window import Month, day_number, month_start
from ingest.synthetic.world import MONEY, World, values

BUCKET, PREFIX, EXPORT = "northwind-apps-billing", "exports", "nw-focus"
SPLIT_ACCOUNT = "444455550104"
SPLIT_SHARES = {"support_ai": "0.6", "ads": "0.4"}
# account, account name, owner kind, owner, item, tags
_ITEMS = (
    ("444455550101", "nw-search-apps", "team", "search", "sonnet-in", '{"user:env": "prod"}'),
    ("444455550101", "nw-search-apps", "team", "search", "sonnet-out", '{"user:env": "prod"}'),
    ("444455550102", "nw-assistant-apps", "team", "assistant", "lambda", '{"user:env": "prod"}'),
    ("444455550102", "nw-assistant-apps", "team", "assistant", "s3", ""),
    (
        "444455550103",
        "nw-mobile-apps",
        "team",
        "mobile",
        "lambda",
        '{"user:env": "prod", "user:note": "a \\"quoted\\", comma"}',
    ),
    (SPLIT_ACCOUNT, "nw-customer-experience", "split", "", "haiku-in", '{"user:env": "prod"}'),
    (SPLIT_ACCOUNT, "nw-customer-experience", "split", "", "haiku-out", '{"user:env": "prod"}'),
    (SPLIT_ACCOUNT, "nw-customer-experience", "team", "ads", "s3", '{"user:team": "ads"}'),
    ("444455550199", "nw-sandbox", "none", "", "s3", ""),
    ("444455550199", "nw-sandbox", "none", "", "haiku-out", ""),
)
_SKU_COLUMNS = (
    "item, service, code, category, subcategory, operation, meter, unit, price, least_quantity, quantity_range, resource_type"
)
_MODEL = (
    "Amazon Bedrock",
    "AmazonBedrock",
    "AI and Machine Learning",
    "Generative AI",
    "InvokeModelInference",
)
_TOKENS = "1K tokens"
# columns as in _SKU_COLUMNS
_SKUS = (
    ("sonnet-in", *_MODEL, "USE1-Claude4.6Sonnet-input-tokens", _TOKENS, "0.0033", 20000, 9000, "Model"),
    ("sonnet-out", *_MODEL, "USE1-Claude4.6Sonnet-output-tokens", _TOKENS, "0.0165", 2200, 900, "Model"),
    ("haiku-in", *_MODEL, "USE1-Claude4.5Haiku-input-tokens", _TOKENS, "0.0011", 24000, 9000, "Model"),
    ("haiku-out", *_MODEL, "USE1-Claude4.5Haiku-output-tokens", _TOKENS, "0.0055", 2600, 900, "Model"),
    ("lambda", "AWS Lambda", "AWSLambda", "Compute", "Serverless Compute", "Invoke", "Lambda-GB-Second",
     "Lambda-GB-Second", "0.0000166667", 400000, 90000, "Function"),
    ("s3", "Amazon Simple Storage Service", "AmazonS3", "Storage", "Object Storage", "StandardStorage",
     "TimedStorage-ByteHrs", "GB-Mo", "0.023", 180, 60, "Bucket"),
)  # fmt: skip


def make_focus_lines(world: World, month: Month) -> None:
    """Table focus_lines of the month: FOCUS facts and the owner of each line."""
    items = values("account, account_name, owner_kind, owner, item, tags", _ITEMS)
    skus = values(_SKU_COLUMNS, _SKUS)
    quantity = f"(least_quantity + {world.draw('quantity_range', 'focus', 'account', 'item', 'copy', 'day')})"
    start, stop = month_start(month.period), month_start(month.period.next())
    world.table(
        "focus_usage",
        f"""
        select 'Usage' as category_of_charge, i.* exclude (item), s.*, copy, day,
            to_days(day::integer) + timestamp '1970-01-01' as start_at, start_at + interval 1 day as end_at,
            {quantity}::decimal(18, 6) as quantity, price::decimal(14, 10) as unit_price,
            round({quantity} * price::decimal(14, 10), 9)::{MONEY} as cost
        from ({items}) as i inner join ({skus}) as s using (item) cross join range({world.scale}) as c(copy)
        cross join (select unnest(range({day_number(month.first)}, {day_number(month.end)})) as day)
        """,
    )
    span = f"timestamp '{start}' as start_at, timestamp '{stop}' as end_at"
    charge = f"{span}, 'pool' as owner_kind, 0::bigint as copy"
    world.table(
        "focus_lines",
        f"""
        select * from focus_usage
        union all by name
        select 'Tax' as category_of_charge, account, account_name, service, code, category, subcategory,
            {charge}, 'tax' as owner,
            round(sum(cost) * 0.06::decimal(3, 2), 2)::{MONEY} as cost
        from focus_usage group by all
        union all by name
        select 'Credit' as category_of_charge, '444455550101' as account, 'nw-search-apps' as account_name,
            'Amazon Bedrock' as service,
            'AmazonBedrock' as code, 'AI and Machine Learning' as category, 'Generative AI' as subcategory,
                {charge},
            'credits' as owner, (-25.5 * {world.scale})::{MONEY} as cost
        """,
    )


def write_aws_focus(world: World, month: Month, out: Path) -> int:
    """Write the month's export from table focus_lines, two chunks and a manifest.

    Returns:
        Number of bill lines.
    """
    base, period = f"{BUCKET}/{PREFIX}/{EXPORT}", f"BILLING_PERIOD={month.label}"
    data = out / "aws_focus" / base / "data" / period
    data.mkdir(parents=True, exist_ok=True)
    shown = focus_select(month, invoice_id(month, "44"))
    middle = month_start(month.period).replace(day=16)
    files = []
    for index, bound in enumerate(("<", ">=")):
        name = f"{EXPORT}-{index + 1:05d}.csv.gz"
        world.con.execute(
            f"copy (select {shown} from focus_lines where start_at {bound} timestamp '{middle}' "
            f"order by all) to '{data / name}' (format csv, header, compression gzip)"
        )
        uri = f"s3://{base}/data/{period}/{name}"
        files.append({"s3Uri": uri, "size": (data / name).stat().st_size})
    manifest = out / "aws_focus" / base / "metadata" / period / f"{EXPORT}-Manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "exportId": "8d0b4c2a-1e5f-4f6e-b7a3-9a2c5d7e0f11",
        "exportName": EXPORT,
        "executionId": f"{month.end:%Y%m%d}T070000Z-5b7d11ce",
        "billingPeriod": month.label,
        "table": "FOCUS_1_2_AWS",
        "dataFiles": files,
        "columns": [{"name": name, "type": "string"} for name in focus_columns()],
        "additionalOutputFiles": [],
    }
    manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return world.value("select count(*) from focus_lines")
