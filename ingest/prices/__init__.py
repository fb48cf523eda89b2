"""Price catalogues: what vendors ask for tokens and GPUs, exported to the seeds under ``seeds/prices``.

Belongs here: reading catalogues (genai-prices, AWS, Google Cloud), and rewriting the seeds deterministically
with history kept. Not here: applying prices to usage (dbt does that from the seeds) and anything that runs in
the daily pipeline.
"""
