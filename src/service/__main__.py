"""`python -m service` is the `gatehouse` command."""

from service.cli.main import main

main()
