"""Monthly statements made from the published marts; nothing else is read."""
