"""Real apps that Ebbtide itself starts and stops, in a real browser."""
