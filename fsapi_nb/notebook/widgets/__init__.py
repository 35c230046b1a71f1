"""The widgets that JupyterLab shows: they hold state and send clicks, and do not depend on a database.

The state is plain values, which the browser draws as text nodes and never as HTML: data of a database or a file cannot
be more than text there. A saved notebook has the results' own text and HTML instead.
"""
