"""What a forecast says, in a reader's words: sizes, times, what each statement does, and what is dangerous of a plan."""
