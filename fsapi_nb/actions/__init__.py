"""What a statement will do: its locks, its work, what is lost by it. Pure: parse trees and PostgreSQL's rules."""
