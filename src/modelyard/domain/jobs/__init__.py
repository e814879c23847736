"""Jobs: what their settings may say, when they run, and how a run goes from task to task; pure functions, no clock."""
