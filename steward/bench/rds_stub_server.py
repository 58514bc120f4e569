"""A small RDS over HTTP for measurements: lists a hundred snapshots a page, deletes one a call, counts calls.

    python -m steward.bench.rds_stub_server HOW_MANY STACK

Prints its port, then serves until it is told to end. `GET /counts` says what was asked and what is left.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

DATABASE = "bench-db"
_PAGE = 100
_XMLNS = "http://rds.amazonaws.com/doc/2014-10-31/"


class RdsStub:
    def __init__(self, how_many: int, stack: str) -> None:
        self.counts: dict[str, int] = {}
        now = datetime.now(UTC)
        self.snapshots = {
            f"steward-r-{n:04d}-snapshot": _snapshot(n, now - timedelta(days=n, hours=1), stack)
            for n in range(how_many)
        }

    def answer(self, asked: dict[str, list[str]]) -> tuple[int, str]:
        action = asked["Action"][0]
        self.counts[action] = self.counts.get(action, 0) + 1
        if action == "DescribeDBSnapshots":
            return 200, self._page(asked)
        if action == "DeleteDBSnapshot":
            return self._delete(asked["DBSnapshotIdentifier"][0])
        if action == "GetCallerIdentity":
            told = "<Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>A</UserId><Account>123456789012</Account>"
            return 200, _wrapped(action, told, "https://sts.amazonaws.com/doc/2011-06-15/")
        return 400, "<ErrorResponse><Error><Code>InvalidAction</Code><Message/></Error></ErrorResponse>"

    def _page(self, asked: dict[str, list[str]]) -> str:
        start = int(asked.get("Marker", ["0"])[0])
        most = min(int(asked.get("MaxRecords", [str(_PAGE)])[0]), _PAGE)
        rows = list(self.snapshots.values())
        more = f"<Marker>{start + most}</Marker>" if start + most < len(rows) else ""
        listed = "".join(rows[start : start + most])
        return _wrapped("DescribeDBSnapshots", f"<DBSnapshots>{listed}</DBSnapshots>{more}")

    def _delete(self, name: str) -> tuple[int, str]:
        gone = self.snapshots.pop(name, None)
        if gone is None:
            told = "<Code>DBSnapshotNotFound</Code><Message>not found</Message>"
            return 404, f'<ErrorResponse xmlns="{_XMLNS}"><Error><Type>Sender</Type>{told}</Error></ErrorResponse>'
        return 200, _wrapped("DeleteDBSnapshot", gone)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has had enough
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(
            (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
        )
        body = (await reader.readexactly(length)).decode()
        if head.startswith("GET /counts"):
            status, text = 200, json.dumps({"counts": self.counts, "left": sorted(self.snapshots)})
        else:
            status, text = self.answer(parse_qs(body))
        payload = text.encode()
        line = f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {len(payload)}\r\n\r\n"
        writer.write(line.encode() + payload)
        await writer.drain()
        return True


def _wrapped(action: str, result: str, xmlns: str = _XMLNS) -> str:
    meta = "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
    return f'<{action}Response xmlns="{xmlns}"><{action}Result>{result}</{action}Result>{meta}</{action}Response>'


def _snapshot(number: int, at: datetime, stack: str) -> str:
    name, when = f"steward-r-{number:04d}-snapshot", at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    tags = {"steward:stack": stack, "steward:run": f"r-{number:04d}", "steward:step": "snapshot"}
    listed = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags.items())
    told = {
        "DBSnapshotIdentifier": name,
        "DBSnapshotArn": f"arn:aws:rds:eu-west-2:123456789012:snapshot:{name}",
        "DBInstanceIdentifier": DATABASE,
        "SnapshotCreateTime": when,
        "OriginalSnapshotCreateTime": when,
        "Engine": "postgres",
        "EngineVersion": "15.8",
        "AllocatedStorage": "20",
        "Status": "available",
        "PercentProgress": "100",
        "SnapshotType": "manual",
        "StorageType": "gp3",
        "Encrypted": "true",
        "Port": "5432",
        "MasterUsername": "mlflow",
    }
    fields = "".join(f"<{key}>{value}</{key}>" for key, value in told.items())
    return f"<DBSnapshot>{fields}<TagList>{listed}</TagList></DBSnapshot>"


async def _main(how_many: int, stack: str) -> None:
    server = await asyncio.start_server(RdsStub(how_many, stack).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
