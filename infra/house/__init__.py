"""The project's own linter: ``python -m infra.house``, part of ``make lint``.

It checks what CONTRIBUTING promises and ruff, mypy and import-linter cannot check. `rules.RULES` lists the rules,
`exceptions.EXCEPTIONS` what is exempt and why, and ``known.txt`` older findings, whose number may only fall.
"""
