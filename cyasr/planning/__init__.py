"""What a training will need, told before it is paid for: parameters, memory, hours; and which conf to take at all."""
