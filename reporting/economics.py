"""The figures that go beyond the invoice: full cost of inference by component, and API against self-hosted.

Queries and their records. These carry modelled and assumed parts; each amount keeps its evidence grade, so
that the page never mixes them into an invoiced total.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reporting.marts import Marts


@dataclass(frozen=True)
class ComponentRow:
    """TCO amount of one component and evidence grade."""

    currency: str
    component_group: str
    component: str
    label: str
    evidence: str
    amount: Decimal


@dataclass(frozen=True)
class CrossoverRow:
    """One self-hosted workload against an API at its real token mix; None where it cannot be known.

    `break_even_tokens` is the monthly volume of output tokens above which self-hosting always wins.
    """

    workload_id: str
    team_id: str
    model_id: str
    api_model_id: str
    currency: str
    output_tokens: int | None
    api_cost: Decimal | None
    self_hosted_cost: Decimal | None
    self_hosted_cost_without_labour: Decimal | None
    replicas: int | None
    break_even_tokens: int | None
    horizon: str
    verdict: str
    evidence: str

    @property
    def terms(self) -> str:
        """Currency and horizon of the comparison."""
        return ", ".join(text for text in (self.currency, self.horizon) if text)


def components(marts: Marts, period: str) -> list[ComponentRow]:
    """The month's TCO by component and evidence."""
    sql = """
        select
            tco.billing_currency, tco.component_group, tco.tco_component,
            coalesce(dim.label, tco.tco_component), tco.evidence, sum(tco.amount)
        from fct_tco as tco
        left join (
            select tco_component, any_value(label) as label from dim_tco_components group by 1
        ) as dim using (tco_component)
        where tco.billing_period = ? and tco.amount is not null
        group by all
        order by all
    """
    return marts.records(ComponentRow, sql, [period])


def crossover(marts: Marts, period: str) -> list[CrossoverRow]:
    """The month's crossover per workload and horizon, those with tokens first, then by self-hosted cost."""
    sql = """
        select
            workload_id, coalesce(team_id, ''), coalesce(model_id, ''),
            coalesce(api_model_id, ''), coalesce(billing_currency, ''), output_tokens, api_cost,
            self_hosted_cost, self_hosted_cost_without_labour, replicas, break_even_tokens,
            coalesce(horizon, ''), coalesce(verdict, ''), coalesce(evidence, '')
        from fct_crossover
        where billing_period = ?
        order by
            output_tokens > 0 desc nulls last, self_hosted_cost desc nulls last, workload_id, horizon,
            model_id, api_model_id
    """
    return marts.records(CrossoverRow, sql, [period])
