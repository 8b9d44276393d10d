"""`gatehouse serve`."""


def serve() -> None:
    """Serve, until told to stop by Ctrl-C or SIGTERM.

    Takes its settings from the environment (GATEHOUSE_…) or from the TOML file that
    GATEHOUSE_CONFIG names. Without any it starts a PostgreSQL and a Valkey of its own, with the
    data in .gatehouse.

    \b
    Examples:
      gatehouse serve
      GATEHOUSE_DATA_DIR=/var/lib/gatehouse gatehouse serve
    """
    from service.cli.announcement import Announcement
    from service.cli.failure import Failed
    from service.cli.operator import repairable_as_failed, start_up
    from service.serving import serve as serve_until_told
    from service.users.errors import PasswordRejected

    with repairable_as_failed():
        settings = start_up()
        try:
            serve_until_told(settings, Announcement(settings).make)
        except PasswordRejected as error:
            broken = "; ".join(one.description for one in error.violations)
            raise Failed(f"GATEHOUSE_BOOTSTRAP_ADMIN_PASSWORD {broken}") from error
