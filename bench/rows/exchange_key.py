"""ExchangeApiKey: how services sign in."""

from gatehouse.auth.v1 import auth_service_pb2 as pb

from bench.access import Access
from bench.load.request import Request
from bench.outcome import Budget, Outcome
from bench.rounds import cpu_rate, p50, p99
from bench.rows.refresh import KEYCLOAK_PER_CORE
from bench.stage import Stage

METHOD = "/gatehouse.auth.v1.AuthService/ExchangeApiKey"
_ACCOUNTS = 32


class ExchangeApiKey:
    """Calls a second on one core, against Keycloak's published figure of refreshes for a core."""

    name = "exchange-key"
    about = "ExchangeApiKey against Keycloak's published figure"

    def measure(self, stage: Stage) -> list[Outcome]:
        """Keys of many service accounts, each of them used again and again."""
        server = stage.gatehouse
        access = Access(server)
        requests = []
        for number in range(_ACCOUNTS):
            account = f"serviceAccounts/caller-{number}"
            access.create_account(account)
            message = pb.ExchangeApiKeyRequest(api_key=access.create_key(account))
            requests.append(Request.of(server.target, METHOD, message))
        side = stage.load_mix(server, requests)
        rounds = sorted((side() for _ in range(stage.rounds)), key=stage.speed)
        middle = rounds[len(rounds) // 2]
        return [
            Outcome(
                self.name,
                f"ExchangeApiKey, {_ACCOUNTS} service accounts",
                stage.speed(middle),
                stage.speed_unit,
                Budget(5),
                "Keycloak, published, per core",
                KEYCLOAK_PER_CORE,
                stage.speed(middle) / KEYCLOAK_PER_CORE,
                [
                    f"{stage.shape}; p50 {p50(middle):.1f} ms, p99 {p99(middle):.1f} ms",
                    f"{cpu_rate(middle):,.0f} calls/CPU s",
                ],
                [{"ours": vars(one)} for one in rounds],
                middle.others,
            )
        ]
