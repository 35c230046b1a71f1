"""What a team tests its own migrations and notebooks with: a plugin of pytest, off unless asked for.

plugin        what pytest loads at every start: options and fixtures; imports nothing else of ours before it is needed
databases     the databases that tests get
walk          a database that goes through the history, up and down, one migration at a time
roundtrip     `--fsapi-roundtrip`: each migration as a test
notebooks     `--fsapi-nbval`: what nbval does not see
"""
