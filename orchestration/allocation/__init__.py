"""Checks of the allocation seeds before any money moves: rules, pools, members, tiers, products."""
