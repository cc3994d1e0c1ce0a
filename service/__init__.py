"""The outermost layer: load, wire, schedule, show. No rule about news lives here."""
