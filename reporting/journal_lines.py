"""What the journal posts, read at its own grain: owner, category, lifecycle, issuer, and the account that the
posting rules of `dim_accounts` give it on the charge date.

Queries and their records; rounding and balancing are `journal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reporting.marts import Marts

EXPENSE, PAYABLE, PREPAID, RECHARGE, ROUNDING = "expense", "payable", "prepaid", "recharge", "rounding"


_POSTINGS = """
    with lines as (
        select *, coalesce(team_id, 'unallocated') as owner
        from fct_cost_allocations where billing_period = $period
    ),
    workloads as (
        select days.charge_date, workload.deployment_id, workload.product, workload.lifecycle
        from (select distinct charge_date from lines) as days
        inner join dim_workloads as workload
            on days.charge_date >= workload.valid_from
            and (workload.valid_to is null or days.charge_date < workload.valid_to)
    ),
    deployments as (
        select charge_date, deployment_id, min(lifecycle) as lifecycle from workloads
        where deployment_id is not null group by all having count(distinct lifecycle) = 1
    ),
    products as (
        select charge_date, product, min(lifecycle) as lifecycle from workloads
        where product is not null group by all having count(distinct lifecycle) = 1
    ),
    posted as (
        select
            lines.billing_currency, lines.owner, lines.cost_category, lines.charge_date,
            coalesce(deployments.lifecycle, products.lifecycle, '') as lifecycle, {issuer} as issuer,
            sum(lines.effective_cost) as effective_cost, sum(lines.billed_cost) as billed_cost
        from lines
        {charges}
        left join deployments
            on lines.charge_date = deployments.charge_date and lines.deployment_id = deployments.deployment_id
        left join products
            on lines.charge_date = products.charge_date and lines.product = products.product
        group by all
    ),
    accounts as (
        select
            keys.owner, keys.cost_category, keys.lifecycle, keys.charge_date,
            arg_min(account.account_code, (account.priority, account.posting_id)) as account_code,
            arg_min(account.account_name, (account.priority, account.posting_id)) as account_name
        from (select distinct owner, cost_category, lifecycle, charge_date from posted) as keys
        inner join dim_accounts as account
            on account.posting = 'expense'
            and coalesce(account.owner, keys.owner) = keys.owner
            and coalesce(account.cost_category, keys.cost_category) = keys.cost_category
            and coalesce(account.lifecycle, keys.lifecycle) = keys.lifecycle
            and keys.charge_date >= account.valid_from
            and (account.valid_to is null or keys.charge_date < account.valid_to)
        group by all
    )
    select
        posted.billing_currency, posted.owner, posted.cost_category, posted.lifecycle, posted.issuer,
        coalesce(accounts.account_code, ''), coalesce(accounts.account_name, ''),
        coalesce(sum(posted.effective_cost), 0), coalesce(sum(posted.billed_cost), 0)
    from posted
    left join accounts using (owner, cost_category, lifecycle, charge_date)
    group by all
    order by all
"""


@dataclass(frozen=True)
class PostingRow:
    """Exact cost of one owner, category, lifecycle and issuer, with its expense account ('' when none fits)."""

    currency: str
    team_id: str
    cost_category: str
    lifecycle: str
    issuer: str
    account_code: str
    account_name: str
    effective_cost: Decimal
    billed_cost: Decimal


@dataclass(frozen=True)
class AccountRow:
    """A posting rule that is not for expenses, valid in the month; `issuer` '' means any."""

    posting: str
    issuer: str
    account_code: str
    account_name: str


def posting_rows(marts: Marts, period: str) -> list[PostingRow]:
    """The month's allocations with their lifecycle and expense account.

    The lifecycle is that of the deployment on the charge date, else the one all deployments of the product
    share on that date, else '' (not recorded).
    """
    issuer = "coalesce(charges.invoice_issuer_name, lines.service_provider_name, '')"
    if not marts.has("fct_charges"):
        issuer = "coalesce(lines.service_provider_name, '')"
    charges = (
        "left join (select charge_key, any_value(invoice_issuer_name) as invoice_issuer_name from fct_charges"
        " where billing_period = $period group by 1) as charges using (charge_key)"
        if marts.has("fct_charges")
        else ""
    )
    sql = _POSTINGS.format(issuer=issuer, charges=charges)
    return marts.records(PostingRow, sql, {"period": period})


def account_rows(marts: Marts, last_day: str) -> list[AccountRow]:
    """Posting rules other than expenses that hold on the month's last day, best first."""
    sql = f"""
        select posting, coalesce(invoice_issuer_name, ''), account_code, account_name
        from dim_accounts
        where
            posting <> '{EXPENSE}' and valid_from <= cast(? as date)
            and (valid_to is null or cast(? as date) < valid_to)
        order by priority, posting_id
    """
    return marts.records(AccountRow, sql, [last_day, last_day])
