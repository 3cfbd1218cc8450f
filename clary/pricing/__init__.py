"""What an environment file costs a month, as far as a small, dated table of AWS's prices knows."""
