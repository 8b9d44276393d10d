"""IntrospectToken, as services ask about the tokens that they are shown."""

from gatehouse.auth.v1 import auth_service_pb2 as pb

from bench.load.request import Request
from bench.outcome import Budget, Outcome
from bench.rounds import cpu_rate, duel
from bench.stage import Stage

METHOD = "/gatehouse.auth.v1.AuthService/IntrospectToken"
# zitadel.com/docs/apis/benchmarks: 4,810 introspections a second on 50 cores.
ZITADEL_PER_CORE = 4810 / 50


class IntrospectToken:
    """Calls a second on one core, against Zitadel's published figure for a core."""

    name = "introspect"
    about = "IntrospectToken against Zitadel's published figure"

    def measure(self, stage: Stage) -> list[Outcome]:
        """A token never used here, so its signature is new; and one that was used before."""
        server = stage.gatehouse
        fresh = self._request(stage, server.sign_in("admin@gatehouse.local").access_token)
        known = self._request(stage, server.admin_token)
        found = duel(stage.load(server, fresh), stage.load(server, known), stage.rounds)
        known_speed = found.theirs(stage.speed)
        per_core = found.ours(stage.speed)
        return [
            Outcome(
                self.name,
                "IntrospectToken, a token not seen here before",
                per_core,
                stage.speed_unit,
                Budget(20),
                "Zitadel, published, per core",
                ZITADEL_PER_CORE,
                per_core / ZITADEL_PER_CORE,
                [
                    f"a token used here before: {known_speed:,.0f} {stage.speed_unit}",
                    f"{stage.shape}; {found.ours(cpu_rate):,.0f} calls/CPU s",
                ],
                found.as_json(),
                found.others,
            )
        ]

    def _request(self, stage: Stage, token: str) -> Request:
        server = stage.gatehouse
        message = pb.IntrospectTokenRequest(token=token)
        request = Request.of(server.target, METHOD, message, server.admin_token)
        assert pb.IntrospectTokenResponse.FromString(server.reaches(request)).active
        return request
