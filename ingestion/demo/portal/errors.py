"""The portal's refusals, with the texts and statuses of the vendor's table.

Source: "Коды ошибок", apidocs.bitrix24.ru.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Refusal:
    """What the portal says instead of an answer."""

    status: int
    code: str | int
    description: str

    @property
    def body(self) -> dict[str, str | int]:
        """The body of the answer."""
        return {"error": self.code, "error_description": self.description}


class PortalError(Exception):
    """A method refused to answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.description)
        self.refusal = refusal


def bad_argument(description: str, code: str = "") -> PortalError:
    """The old methods' way to refuse: 400 with an empty code."""
    return PortalError(Refusal(400, code, description))


NO_AUTH: Final = Refusal(401, "NO_AUTH_FOUND", "Wrong authorization data")
METHOD_NOT_FOUND: Final = Refusal(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
TOO_MANY_REQUESTS: Final = Refusal(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
OPERATING_LIMIT: Final = Refusal(
    429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit"
)
BATCH_LENGTH: Final = Refusal(
    400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded"
)
BATCH_METHOD: Final = Refusal(
    405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage"
)
INTERNAL: Final = Refusal(500, "INTERNAL_SERVER_ERROR", "Internal server error")

# Everything the system itself may answer, by a name a test can say.
SYSTEM_REFUSALS: Final = MappingProxyType(
    {
        "no_auth_found": NO_AUTH,
        "expired_token": Refusal(
            401, "expired_token", "The access token provided has expired"
        ),
        "insufficient_scope": Refusal(
            403,
            "insufficient_scope",
            "The request requires higher privileges than provided by the webhook token",
        ),
        "invalid_credentials": Refusal(
            403, "INVALID_CREDENTIALS", "Invalid request credentials"
        ),
        "user_access_error": Refusal(
            403,
            "user_access_error",
            "The user does not have access to the application",
        ),
        "access_denied_tariff": Refusal(
            403, "ACCESS_DENIED", "REST API is available only on commercial plans"
        ),
        "https_required": Refusal(400, "INVALID_REQUEST", "Https required"),
        "crm_access_denied": Refusal(400, "", "Access denied."),
        "text_zero": Refusal(400, "0", "Internal error"),
        "number_zero": Refusal(400, 0, "Internal error"),
        "method_not_found": METHOD_NOT_FOUND,
        "operation_time_limit": OPERATING_LIMIT,
        "query_limit_exceeded": TOO_MANY_REQUESTS,
        "overload_limit": Refusal(
            503, "OVERLOAD_LIMIT", "REST API is blocked due to overload"
        ),
        "portal_deleted": Refusal(500, "PORTAL_DELETED", "Portal was deleted"),
        "internal_server_error": INTERNAL,
        "unexpected_answer": Refusal(
            500, "ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response"
        ),
    }
)
