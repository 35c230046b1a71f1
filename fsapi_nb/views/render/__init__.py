"""Documents as text and as HTML, records as DataFrames and as JSON. What is here knows no result."""
