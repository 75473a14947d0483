"""Network, disk, clock and child processes: the only place that touches the outside world."""
