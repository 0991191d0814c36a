"""Learning: the two players' step, the averaged generator, the schedule, and the loop that yields events."""
