"""Network pieces behind the systems: ESPnet's modules made faster, stepped token by token, and deaf to padding."""
