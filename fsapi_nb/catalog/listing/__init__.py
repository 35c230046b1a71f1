"""A cheap listing of the catalog, of which two tell what changed in a schema."""
