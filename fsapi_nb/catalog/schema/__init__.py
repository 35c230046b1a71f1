"""What a database holds, to be looked at: all of it on one screen, and each object on a page. Writes nothing."""
