"""Views of marts.duckdb that tell a month as it was issued and as it is known now.

`chargeback_as_issued` is the chargeback as published: a closed month as its close froze it, with what it
booked of earlier months. `chargeback_as_restated` takes the bookings out and puts every adjustment where it
belongs: issued + adjustments of the month, whichever month booked them. Without its rows of category
`dispute` (decisions, not figures) that equals what the allocation engine computes now.

Views and not tables: they follow from two marts, and a closed month as restated changes with every booking.
Names are unqualified, so that they hold whatever name the file is attached under.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

NEEDED = frozenset({"fct_chargeback", "fct_adjustments"})
BOOKINGS = "('adjustment', 'dispute')"
VIEWS = {
    "chargeback_as_issued": """
        SELECT billing_period, team_id, cost_category, cost_basis, billing_currency, sum(amount) AS amount
        FROM fct_chargeback GROUP BY ALL
    """,
    "chargeback_as_restated": f"""
        WITH amounts AS (
            SELECT billing_period, team_id, cost_category, cost_basis, billing_currency, amount
            FROM fct_chargeback WHERE cost_category NOT IN {BOOKINGS}
            UNION ALL
            SELECT x_original_billing_period, team_id,
                CASE WHEN cause = 'dispute' THEN 'dispute' ELSE x_original_cost_category END,
                unnest(['billed', 'effective']), billing_currency, unnest([billed_cost, effective_cost])
            FROM fct_adjustments
        )
        SELECT billing_period, team_id, cost_category, cost_basis, billing_currency, sum(amount) AS amount
        FROM amounts GROUP BY ALL
    """,
}


def write_views(con: duckdb.DuckDBPyConnection, *, marts: Sequence[str]) -> None:
    """Create the views in the attached `snapshot`, when it holds the marts they read."""
    for name, query in VIEWS.items():
        if NEEDED.issubset(marts):
            con.execute(f"CREATE OR REPLACE VIEW snapshot.main.{name} AS {query}")
        else:
            con.execute(f"DROP VIEW IF EXISTS snapshot.main.{name}")
