"""Sources: one module a provider. Each finds deliveries, says cheaply what changed, and lands on demand."""
