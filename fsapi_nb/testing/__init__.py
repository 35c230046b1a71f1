"""The pytest plugin with which a team tests its own migrations and notebooks; off unless asked for.

plugin        what pytest loads at every start: options and fixtures; imports the rest of fsapi_nb only when needed
opened        the databases of one pytest process, opened when first asked for
databases     the databases that tests get
roundtrip     `--fsapi-roundtrip`: each migration as a test
notebooks     `--fsapi-nbval`: failures that nbval does not see
"""
