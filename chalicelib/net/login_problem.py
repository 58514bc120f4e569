"""Why a login to a database or a directory did not come about, as a fact with a name."""

from enum import StrEnum


class Problem(StrEnum):
    UNRESOLVABLE = "host_unresolvable"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    AUTHENTICATION = "authentication"
    NO_DATABASE = "no_such_database"
    NO_BASE = "no_such_base"
    TOO_MANY = "too_many_connections"
    UNAVAILABLE = "starting_or_stopping"
    PROTOCOL = "protocol"  # something answered, and not as this kind of server does
    # About Steward, not about the stack: these support no cause (S3).
    NOT_ADMITTED = "address_not_admitted"  # the server lets this address or user in from elsewhere only
    UNTRUSTED = "certificate_not_trusted_here"  # by the certificates this worker has; MLflow may have others
    FORBIDDEN_ADDRESS = "forbidden_address"  # S25: the name leads where Steward does not connect to
    PLAIN_TEXT = "login_not_sent_in_plain_text"  # S25
    OUT_OF_REACH = "out_of_reach"  # the function in the stack's network did not answer

    @property
    def is_ours(self) -> bool:
        return self in _OURS


_OURS = frozenset(
    {
        Problem.NOT_ADMITTED,
        Problem.UNTRUSTED,
        Problem.FORBIDDEN_ADDRESS,
        Problem.PLAIN_TEXT,
        Problem.OUT_OF_REACH,
    }
)
