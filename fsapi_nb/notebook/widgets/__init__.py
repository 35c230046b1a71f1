"""What JupyterLab shows while something goes on: widgets that hold state and send clicks, and know no database.

Everything travels as plain values and is drawn as text nodes in the browser, never as HTML, so that nothing that
came from a database or a file can be more than text there. Their static twins are the results' own text and HTML.
"""
