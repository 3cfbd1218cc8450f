"""AWS on this machine: ministack, extended in-process with SageMaker and AWS's own resource schemas."""
