"""What must come out: closed forms, a simulation, and predictions for a run."""
