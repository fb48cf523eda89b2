"""The project's own benchmark: `make bench`. Ratios within one run; no test depends on a time."""
