"""What PostgreSQL sent, as Python values: exact, or else PostgreSQL's own text. Reading only; `query` runs the SQL.

loaders, documents           text to values by psycopg's loaders; JSON
types                        which type a column has
columns, results             the cells of a column; all results of a text
chunk, binary                rows of a binary copy, and their columns' values from bytes; numeric, texts: of two types
stored                       large results, kept by column
"""

from fsapi_nb.query.values.documents import JSON_NULL, JsonNull, JsonText
from fsapi_nb.query.values.results import read_results

__all__ = ["JSON_NULL", "JsonNull", "JsonText", "read_results"]
