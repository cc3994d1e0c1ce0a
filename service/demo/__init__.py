"""The demonstration: a small news site, a mailbox and the service between them, on loopback."""
