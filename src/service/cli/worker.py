"""`gatehouse worker`."""


def worker() -> None:
    """Do the background work, until told to stop.

    Ctrl-C or SIGTERM tells it. Run one or more beside the servers; they share the queue. In
    embedded mode `gatehouse serve` does this work itself.

    \b
    Examples:
      gatehouse worker
      GATEHOUSE_CONFIG=/etc/gatehouse.toml gatehouse worker
    """
    from service.cli.failure import Failed
    from service.cli.operator import repairable_as_failed, start_up
    from service.serving import work

    with repairable_as_failed():
        settings = start_up()
        if settings.embedded:
            raise Failed("GATEHOUSE_DATABASE_URL is unset: then `gatehouse serve` does this work")
        work(settings)
