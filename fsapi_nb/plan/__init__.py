"""Make a `Plan` of migrations and history. Pure: decides over values, and does no I/O."""
