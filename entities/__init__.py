"""What exists: the tables, the skeleton, the scene file and the components. Pure data."""
