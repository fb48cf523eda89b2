"""Sources: one module a provider. Each finds deliveries, says cheaply whether they changed, and lands them when asked."""
