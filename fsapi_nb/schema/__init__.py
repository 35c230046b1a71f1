"""What a catalog holds, as values: the snapshot, the difference of two, the diagram. Pure: reads no database."""
