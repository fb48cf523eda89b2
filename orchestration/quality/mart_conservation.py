"""Money is conserved from the delivery to the chargeback, exactly: there is no tolerance on money."""

from __future__ import annotations

from orchestration.quality.mart_rule import MartRule

LOST = "a model lost or doubled rows: compare the two sides for the named period and report it"


def _difference(name: str, mart: str, title: str, *, places: tuple[str, ...], left: str, right: str, words: str) -> MartRule:
    """Two relations of (places, amount) whose amounts must be equal place by place."""
    keys = ", ".join(places)
    before, after = words.split("|")
    return MartRule(
        name=name,
        mart=mart,
        title=title,
        places=places,
        fix=LOST,
        query=f"""
            WITH l AS ({left}), r AS ({right})
            SELECT {keys}, coalesce(r.amount, 0) - coalesce(l.amount, 0) AS value,
                '{before} ' || trim_amount(coalesce(l.amount, 0))
                || ', {after} ' || trim_amount(coalesce(r.amount, 0))
                || ', difference ' || trim_amount(coalesce(r.amount, 0) - coalesce(l.amount, 0)) AS said
            FROM l FULL OUTER JOIN r USING ({keys})
            ORDER BY {keys}
        """,
    )


def _by_basis(table: str) -> str:
    return f"""
        SELECT billing_period, billing_currency, basis, sum(amount) AS amount
        FROM (
            SELECT billing_period, billing_currency, unnest(['billed', 'effective']) AS basis,
                unnest([billed_cost, effective_cost]) AS amount
            FROM warehouse.marts.{table}
        )
        GROUP BY ALL
    """


PERIOD_CURRENCY_BASIS = ("billing_period", "billing_currency", "basis")

CONSERVATION = (
    _difference(
        "lake_money_reaches_charges",
        "fct_charges",
        "fct_charges holds exactly the money that was delivered",
        places=("billing_period", "billing_currency", "basis", "x_source", "x_dataset"),
        words="delivered|in fct_charges",
        left="""
            SELECT partition AS billing_period, c.key AS billing_currency, b.key AS basis, source AS x_source,
                dataset AS x_dataset, sum(CAST(b.value AS DECIMAL(38, 18))) AS amount
            FROM (
                SELECT *, unnest(map_entries(c.value)) AS b
                FROM (SELECT *, unnest(map_entries(money)) AS c FROM current_loads())
            )
            WHERE b.key IN ('billed_cost', 'effective_cost') AND dataset != 'litellm_spend_logs'
            GROUP BY ALL
        """,
        right="""
            SELECT billing_period, billing_currency, basis, x_source, x_dataset, sum(amount) AS amount
            FROM (
                SELECT billing_period, billing_currency, x_source, x_dataset,
                    unnest(['billed_cost', 'effective_cost']) AS basis,
                    unnest([billed_cost, effective_cost]) AS amount
                FROM warehouse.marts.fct_charges
                -- corrections of closed months were delivered in those
                WHERE x_original_billing_period IS NULL
            )
            -- only FOCUS deliveries state an effective cost that the ledger takes over
            WHERE basis = 'billed_cost' OR x_dataset IN ('aws_focus', 'gcp_focus', 'focus')
            GROUP BY ALL
        """,
    ),
    _difference(
        "charges_reach_allocations",
        "fct_cost_allocations",
        "every charge is allocated completely",
        places=PERIOD_CURRENCY_BASIS,
        words="charged|allocated",
        left=_by_basis("fct_charges"),
        right=_by_basis("fct_cost_allocations"),
    ),
    _difference(
        "allocations_reach_chargeback",
        "fct_chargeback",
        "the chargeback holds exactly what was allocated",
        places=PERIOD_CURRENCY_BASIS,
        words="allocated|charged back",
        left=_by_basis("fct_cost_allocations"),
        right="""
            SELECT billing_period, billing_currency, cost_basis AS basis, sum(amount) AS amount
            FROM warehouse.marts.fct_chargeback GROUP BY ALL
        """,
    ),
    _difference(
        "bridge_steps_add_up",
        "fct_cost_bridge",
        "the steps from billed cost lead to the charges' effective cost",
        places=("billing_period", "billing_currency"),
        words="charges|steps",
        left="""
            SELECT billing_period, billing_currency, sum(effective_cost) AS amount
            FROM warehouse.marts.fct_charges GROUP BY ALL
        """,
        right="""
            SELECT billing_period, billing_currency, sum(amount) AS amount
            FROM warehouse.marts.fct_cost_bridge WHERE step_no < 10 GROUP BY ALL
        """,
    ),
    _difference(
        "gpu_hours_carry_the_node_cost",
        "fct_gpu_hours",
        "the GPU hours of a node carry exactly what the node cost",
        places=PERIOD_CURRENCY_BASIS,
        words="nodes cost|GPU hours carry",
        left="""
            SELECT billing_period, billing_currency, unnest(['billed', 'effective']) AS basis,
                unnest([sum(billed_cost), sum(effective_cost)]) AS amount
            FROM warehouse.intermediate.int_gpu_node_hours GROUP BY ALL
        """,
        right="""
            SELECT billing_period, billing_currency, unnest(['billed', 'effective']) AS basis,
                unnest([sum(billed_cost), sum(effective_cost)]) AS amount
            FROM warehouse.marts.fct_gpu_hours WHERE billing_currency IS NOT NULL GROUP BY ALL
        """,
    ),
)
