"""Speech engines. Each one turns clips into hypotheses, behind the one interface."""
