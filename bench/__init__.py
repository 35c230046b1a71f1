"""Side by side with the peers and with what PostgreSQL allows: `uv run --group bench python -m bench`.

No part of the installed package, and nothing in it is imported by it. Absolute times mean nothing on a machine that
others use as well: what counts are the ratios of ways that ran in turn, client CPU, round trips and peak memory.
"""
