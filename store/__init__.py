"""Tables and named queries; decides nothing and imports none of our packages."""
