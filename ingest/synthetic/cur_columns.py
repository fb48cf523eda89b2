"""The columns of CUR 2.0 (AWS Data Exports table COST_AND_USAGE_REPORT) in order, with their SQL types.

The fixed schema with INCLUDE_RESOURCES and without the opt-in split cost, IAM principal and net cost columns.
"""

from __future__ import annotations

_GROUPS: dict[str, str] = {
    "bill": """
        bill_type billing_entity billing_period_end_date:t billing_period_start_date:t invoice_id
        invoicing_entity payer_account_id payer_account_name
    """,
    "identity": """
        line_item_id time_interval
    """,
    "line_item": """
        availability_zone blended_cost:d blended_rate currency_code legal_entity line_item_description
        line_item_type net_unblended_cost:d net_unblended_rate normalization_factor:d
        normalized_usage_amount:d operation product_code resource_id tax_type unblended_cost:d
        unblended_rate usage_account_id usage_account_name usage_amount:d usage_end_date:t
        usage_start_date:t usage_type
    """,
    "pricing": """
        currency lease_contract_length offering_class public_on_demand_cost:d public_on_demand_rate
        purchase_option rate_code rate_id term unit
    """,
    "product": """
        comment fee_code fee_description from_location from_location_type from_region_code
        instance_family instance_type instancesku location location_type operation pricing_unit
        product_family region_code servicecode sku to_location to_location_type to_region_code
        usagetype
    """,
    "reservation": """
        amortized_upfront_cost_for_usage:d amortized_upfront_fee_for_billing_period:d availability_zone
        effective_cost:d end_time modification_status normalized_units_per_reservation
        number_of_reservations recurring_fee_for_usage:d reservation_a_r_n start_time subscription_id
        total_reserved_normalized_units total_reserved_units units_per_reservation
        unused_amortized_upfront_fee_for_billing_period:d unused_normalized_unit_quantity:d
        unused_quantity:d unused_recurring_fee:d upfront_value:d
    """,
    "savings_plan": """
        amortized_upfront_commitment_for_billing_period:d end_time instance_type_family offering_type
        payment_option purchase_term recurring_commitment_for_billing_period:d region
        savings_plan_a_r_n savings_plan_effective_cost:d savings_plan_rate:d start_time
        total_commitment_to_date:d used_commitment:d
    """,
}
_MAPS = ("cost_category", "discount", "product", "resource_tags")
_TYPES = {"": "varchar", "t": "timestamp", "d": "double"}


def cur_columns() -> dict[str, str]:
    """Column name -> SQL type, in delivery order (alphabetical by group, as AWS does)."""
    columns: dict[str, str] = {}
    for group, names in _GROUPS.items():
        for entry in names.split():
            name, _, kind = entry.partition(":")
            columns[f"{group}_{name}"] = _TYPES[kind]
    for name in _MAPS:
        columns[name] = f"map(varchar, {'double' if name == 'discount' else 'varchar'})"
    return dict(sorted(columns.items()))
