"""Month close: an append-only, hash-chained record of what was issued, and what follows from it."""
