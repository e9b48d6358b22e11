"""SOPs: the runbook as rules, and whether people kept them. Acts in, obligations and a score out, purely."""
