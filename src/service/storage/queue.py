"""Work asked for within a transaction: it will be done if, and only if, that commits."""

import procrastinate
from procrastinate.exceptions import ConnectorException

from service.storage.database import Tx


class Queue:
    """Hands jobs to whoever works the queue off; needs no connection of its own."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def defer(self, tx: Tx, task: str, **arguments: str) -> None:
        """Asks for the task of this name. Arguments are kept as they are: seal what is personal.

        Raises psycopg.Error.
        """
        connection = tx.connection.connection.driver_connection
        deferrer = self._app.configure_task(task, connection=connection)
        try:
            deferrer.defer(**arguments)
        except ConnectorException as error:
            # As the driver said it, which the transaction knows how to tell.
            raise error.__cause__ or error from None
