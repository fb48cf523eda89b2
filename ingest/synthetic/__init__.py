"""The sample company "Northwind Inference": deliveries as the providers write them, seeded, and the truth.

Eight teams, seven GPU nodes (26 GPUs), eleven self-hosted deployments, two AWS payers,
    one Google Cloud account, OpenAI,
Anthropic and an LLM gateway. Everything is invented. ``generate.generate`` writes the deliveries,
    ``truth/*.csv`` and a
``tco.toml``; nothing here is read by the pipeline.

How a number is made: every fact is a closed formula of (seed, names, time slot),
    so that any day can be made without the
days before it; rows are made by DuckDB. Money has at most nine decimals and utilisation two,
    one telemetry slot is 360
seconds (0.1 h), so the truth is exact. Prometheus may scrape more often: what it reads inside a slot adds up to the slot.

The truth follows the company's policy (seeds/allocation): GPU nodes by who held them, APIs by key and token
type, shared pools by their driver, unmatched spend to ``unallocated``. It is computed from the generator's
own facts, never by the pipeline.
"""
