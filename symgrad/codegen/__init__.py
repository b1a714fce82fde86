"""From the loop IR to C text: Python prints expressions, templates print structure."""
