"""Problem: what the API answers instead of what was asked for (RFC 9457, `application/problem+json`)."""

from chalicelib.models.shape import Shape

PROBLEM_JSON = "application/problem+json"


class FieldProblem(Shape):
    pointer: str
    """Where it is, as a JSON pointer into the body, or `?name` for a query parameter, or a header's name."""
    detail: str


class Problem(Shape):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    """The request's id: what people quote, and what the audit trail and the logs are searched by."""
    errors: tuple[FieldProblem, ...] = ()


TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Does not fit",
    429: "Too many requests",
    500: "Steward failed",
    503: "Not available right now",
}


class Rejected(Exception):  # it is an answer, thrown
    """Ends a request with this problem."""

    def __init__(self, status: int, detail: str, *errors: FieldProblem) -> None:
        self.status, self.detail, self.errors = status, detail, errors
        super().__init__(detail)

    def as_problem(self, instance: str | None = None) -> Problem:
        title = TITLES.get(self.status, "Problem")
        return Problem(title=title, status=self.status, detail=self.detail, instance=instance, errors=self.errors)
