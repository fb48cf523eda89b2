"""Tests of the statement: rounding, figures, escaping."""
