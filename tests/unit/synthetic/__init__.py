"""Tests of the sample company's generator."""
