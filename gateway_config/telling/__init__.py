"""What is declared and what is deployed, in words and pictures: routes, decisions, differences."""
