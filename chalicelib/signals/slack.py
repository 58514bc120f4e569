"""Slack: buttons and slash commands, form-encoded in the body of an HTTP request.

Whether Slack signed it is checked where the request arrives, over the raw bytes and before this (S28).
"""

from urllib.parse import parse_qs

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import Body, decode, mapping, mappings, text
from chalicelib.signals.origin import Arrival, make, origin_of


def read_slack(body: str, arrival: Arrival) -> tuple[Signal, ...]:
    try:
        form = {name: values[0] for name, values in parse_qs(body, max_num_fields=50).items()}
    except ValueError:
        raise SignalRejected("a Slack request whose body is not a form") from None
    if "payload" in form:
        return (_interaction(mapping(decode(form["payload"])), arrival),)
    if form.get("command", "").startswith("/"):
        return (_command(form, arrival),)
    raise SignalRejected("a Slack request with neither a payload nor a command")


def _interaction(payload: Body, arrival: Arrival) -> Signal:
    action = next(iter(mappings(payload.get("actions"))), {})
    user = text(mapping(payload.get("user")).get("id"))
    if user is None or not payload.get("type"):
        raise SignalRejected("a Slack interaction that does not say who did what")
    return make(
        origin_of(payload, arrival, "api"),
        SignalKind.SLACK_INTERACTION,
        name=text(action.get("action_id")) or text(payload.get("callback_id")),
        resource=action.get("value"),
        actionable=True,
        facts={
            "principal": user,
            "team": text(mapping(payload.get("team")).get("id")),
            "channel": text(mapping(payload.get("channel")).get("id")),
            "type": text(payload.get("type")),
            "value": text(action.get("value"), 1024),
        },
    )


def _command(form: dict[str, str], arrival: Arrival) -> Signal:
    # The trigger id is new with each command, so asking twice is asking twice.
    return make(
        origin_of(form, arrival, "api"),
        SignalKind.SLACK_COMMAND,
        name=form["command"],
        resource=form.get("text"),
        actionable=True,
        facts={
            "principal": text(form.get("user_id")),
            "team": text(form.get("team_id")),
            "channel": text(form.get("channel_id")),
            "text": text(form.get("text"), 1024),
        },
    )
