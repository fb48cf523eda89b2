"""Jobs, schedules and the sensor for arriving files.

`daily` is the whole way from the sources to the statements, in one process. `rebuild_month` and
`rebuild_day` take the same way and rebuild their partition although nothing changed. `monthly_close` closes
a month for good. Schedules and the sensor are stopped until someone starts them.
"""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ingest.settings import Settings
from orchestration.defs.dbt_assets import STEP
from orchestration.defs.published_assets import CLOSED
from orchestration.partitions import FIRST_MONTH, MONTHLY, month_of
from orchestration.resources import Configuration

WHOLE_WAY = dg.AssetSelection.all() - dg.AssetSelection.assets(CLOSED)
ONE_PROCESS: dict[str, Any] = {"executor_def": dg.in_process_executor}
# a crashed worker is started again; a step that failed is not (it already retried what was transient)
CRASH_TAGS = {"dagster/max_retries": "1", "dagster/retry_on_asset_or_op_failure": "false"}


def rebuild(value: str) -> dict[str, Any]:
    """Run configuration that rebuilds one month or day."""
    return {"ops": {STEP: {"config": {"rebuild": [value]}}}}


@dg.monthly_partitioned_config(start_date=FIRST_MONTH)
def one_month(start: Any, _end: Any) -> dict[str, Any]:
    """The month of a monthly partition."""
    return rebuild(f"{start:%Y-%m}")


@dg.daily_partitioned_config(start_date=FIRST_MONTH)
def one_day(start: Any, _end: Any) -> dict[str, Any]:
    """The day of a daily partition."""
    return rebuild(f"{start:%Y-%m-%d}")


daily = dg.define_asset_job(
    "daily",
    selection=WHOLE_WAY,
    description="Load what changed, check, rebuild what it touches, check, publish, state.",
    tags=CRASH_TAGS,
    **ONE_PROCESS,
)
rebuild_month = dg.define_asset_job("rebuild_month", selection=WHOLE_WAY, config=one_month, tags=CRASH_TAGS, **ONE_PROCESS)
rebuild_day = dg.define_asset_job("rebuild_day", selection=WHOLE_WAY, config=one_day, tags=CRASH_TAGS, **ONE_PROCESS)
monthly_close = dg.define_asset_job(
    "monthly_close",
    selection=dg.AssetSelection.assets(CLOSED),
    partitions_def=MONTHLY,
    description="Closes the month as `tco close` does: refused while a gate or reconciliation fails, an earlier month is"
    " open or the last run is not published; then statement and marts are frozen and chained by hash. A month that is"
    " closed already stays as it is. Later changes become adjustments of the open month. Forcing and reopening are acts"
    " of people: `tco close --force --reason`, `tco reopen --reason`.",
    **ONE_PROCESS,
)

daily_schedule = dg.ScheduleDefinition(name="daily_at_six", job=daily, cron_schedule="0 6 * * *", execution_timezone="UTC")


@dg.schedule(
    name="monthly_close_on_the_sixth",
    job=monthly_close,
    cron_schedule="0 8 6 * *",
    execution_timezone="UTC",
    description="Invoices of the three clouds are out by the fifth.",
)
def monthly_close_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Close the month before the one of the tick."""
    last_day = context.scheduled_execution_time.replace(day=1) - timedelta(days=1)
    key = f"{last_day:%Y-%m}-01"
    return dg.RunRequest(run_key=month_of(key), partition_key=key)


@dg.sensor(
    name="arriving_files",
    job=daily,
    minimum_interval_seconds=300,
    description="Starts the daily job when files arrived in a local delivery folder and have settled.",
)
def arriving_files(context: dg.SensorEvaluationContext, configuration: Configuration) -> dg.SensorResult | dg.SkipReason:
    """Compare names, sizes and times of the delivered files with the last two looks."""
    now = delivered_state(configuration.settings)
    seen, started = (context.cursor or ",").split(",")
    if now != seen:
        return dg.SensorResult(cursor=f"{now},{started}", skip_reason=dg.SkipReason("files are still arriving"))
    if now == started:
        return dg.SkipReason("nothing arrived")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=now)], cursor=f"{now},{now}")


def delivered_state(settings: Settings) -> str:
    """One hash over names, sizes and times of the files in all local delivery folders."""
    digest = hashlib.sha256()
    for source in settings.sources:
        root = Path(source.location)
        if source.is_url or not root.exists():
            continue
        for path in sorted(p for p in (root.rglob("*") if root.is_dir() else [root]) if p.is_file()):
            stat = path.stat()
            digest.update(f"{source.name}/{path.name}/{stat.st_size}/{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
