"""What runs in an environment and is paid for by the hour: whose it is, and how it is stopped."""
