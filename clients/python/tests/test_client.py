"""The client against a server that misbehaves as the real one, a proxy or a network may.

    PYTHONPATH=src python -m unittest discover -s tests
"""

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import aotf_client
from aotf_client import Client, _client

PAGE = "https://a.example/art?x=1&y=2"


def answer(status="END", error=None, **more):
    lists = dict.fromkeys(("twitter_accounts", "results", "similar", "steps", "accounts", "posts", "similar_posts"))
    fields = {name: [] for name in lists}
    return {**fields, "status": status, "error": error, "error_detail": "why" if error else "", "id": "1", **more}


def event(version, content):
    return f"id: {version}\ndata: {json.dumps(content)}\n\n"


class Server:
    """Answers requests with what it was given, in turn; remembers them."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.requests.append((self.command, self.path, self.headers, self.rfile.read(length)))
                status, headers, body = outer.replies.pop(0)
                self.send_response(status)
                kind = "text/event-stream" if isinstance(body, str) else "application/json"
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                for name, value in {"Content-Type": kind, **headers}.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


class ClientTest(unittest.TestCase):
    def setUp(self):
        # Pauses are told, and not made.
        self.pauses = []
        patch = mock.patch.object(_client.time, "sleep", self.pauses.append)
        patch.start()
        self.addCleanup(patch.stop)

    def ask(self, *replies, key=None):
        server = Server(*replies)
        self.addCleanup(server.__exit__)
        return server, Client(server.address, key=key)

    def test_a_page_is_sent_whole_and_last_with_the_key(self):
        server, client = self.ask((200, {}, answer("LINK_FINDER")), key="k")
        client.query(PAGE, networks=["bluesky", "mastodon"], webhook="bot")
        method, path, headers, _ = server.requests[0]
        self.assertEqual(method, "GET")
        self.assertEqual(
            path,
            "/query?networks=bluesky%2Cmastodon&webhook=bot&url=https%3A%2F%2Fa.example%2Fart%3Fx%3D1%26y%3D2",
        )
        self.assertEqual(headers["Authorization"], "Bearer k")

    def test_how_much_is_searched_is_asked_for_to_the_end(self):
        hit = answer("END", posts=["p"])
        server, client = self.ask(
            (200, {}, answer("LINK_FINDER")),
            (503, {}, {"error": "BUSY", "error_detail": ""}),
            (200, {}, answer("LINK_FINDER")),
            (200, {}, event(1, hit)),
            (200, {}, {"queries": [answer()]}),
        )
        self.assertEqual(client.find("a", first=True, whole=True)["posts"], ["p"])
        self.assertEqual(client.submit(["a"], whole=True)[0]["status"], "END")
        paths = [path for _, path, _, _ in server.requests]
        asked = "?first=1&whole=1&url=a"
        self.assertEqual(paths[:4], [f"/query{asked}", f"/query/events{asked}"] * 2)
        self.assertEqual(json.loads(server.requests[4][3]), {"urls": ["a"], "whole": True})

    def test_refusals_are_types(self):
        body = {"error": "CODE", "error_detail": "why"}
        for status, kind in [
            (400, aotf_client.BadRequest),
            (401, aotf_client.Unauthorized),
            (403, aotf_client.Forbidden),
            (413, aotf_client.BadRequest),
            (429, aotf_client.TooManyRequests),
            (500, aotf_client.ServerBusy),
            (503, aotf_client.ServerBusy),
        ]:
            _, client = self.ask((status, {"Retry-After": "7"}, body))
            with self.assertRaises(kind) as caught:
                client.query(PAGE)
            self.assertEqual((caught.exception.status, caught.exception.code), (status, "CODE"))
        self.assertEqual(caught.exception.retry_after, 7)

    def test_a_proxys_own_words_are_a_refusal_too(self):
        _, client = self.ask((502, {}, "<html>Bad gateway</html>"))
        with self.assertRaises(aotf_client.ServerBusy) as caught:
            client.stats()
        self.assertEqual(caught.exception.code, "HTTP_502")

    def test_a_redirect_takes_no_key_along(self):
        server, client = self.ask((302, {"Location": "/elsewhere"}, {}), key="k")
        with self.assertRaises(aotf_client.BadRequest):
            client.stats()
        self.assertEqual(len(server.requests), 1)

    def test_nobody_and_nonsense_are_not_reachable(self):
        server, client = self.ask((200, {}, "no JSON"), (200, {"Content-Length": "9000"}, answer()))
        for _ in range(2):
            with self.assertRaises(aotf_client.NotReachable):
                client.stats()
        server.__exit__()
        with self.assertRaises(aotf_client.NotReachable):
            client.stats()
        with self.assertRaises(ValueError):
            Client("127.0.0.1:3301")

    def test_a_busy_server_is_asked_again_as_it_says(self):
        body = {"error": "TOO_MANY_REQUESTS", "error_detail": ""}
        in_progress = answer(None, "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS")
        server, client = self.ask(
            (429, {"Retry-After": "3"}, body),
            (503, {}, body),
            (200, {}, in_progress),
            (200, {}, answer(posts=["p"])),
        )
        self.assertEqual(client.find(PAGE)["posts"], ["p"])
        self.assertEqual(len(server.requests), 4)
        for pause, expect in zip(self.pauses, [3, 2, 4]):
            self.assertTrue(expect <= pause <= expect * 1.25, self.pauses)

    def test_patience_ends(self):
        _, client = self.ask((200, {}, answer("LINK_FINDER")))
        with self.assertRaises(aotf_client.TookTooLong):
            client.find(PAGE, patience=0)
        _, client = self.ask((429, {"Retry-After": "30"}, {"error": "TOO_MANY_REQUESTS"}))
        with self.assertRaises(aotf_client.TooManyRequests):
            client.find(PAGE, patience=5)

    def test_a_stream_that_breaks_off_is_taken_up_where_it_was(self):
        begun, later = answer("LINK_FINDER"), answer("INDEX_ACCOUNTS_TWEETS")
        server, client = self.ask(
            (200, {}, begun),
            (200, {"Content-Length": "9000"}, ": heartbeat\n\n" + event(4, later) + "data: {\"half"),
            (200, {}, later),
            (200, {}, event(5, answer(posts=["p"]))),
        )
        seen = []
        found = client.find(PAGE, on_change=lambda change: seen.append(change["status"]))
        self.assertEqual(found["posts"], ["p"])
        self.assertEqual(seen[0], "LINK_FINDER")
        self.assertEqual(seen[-1], "END")
        self.assertEqual(server.requests[3][2]["Last-Event-ID"], "4")

    def test_without_streams_it_asks_again(self):
        busy = {"error": "BUSY", "error_detail": ""}
        for status in (503, 404, 429):
            server, client = self.ask(
                (200, {}, answer("LINK_FINDER")),
                (status, {}, busy),
                (200, {}, answer("END", "NOT_AN_ARTWORK_PAGE")),
            )
            with self.assertRaises(aotf_client.QueryFailed) as caught:
                client.find(PAGE)
            self.assertEqual((caught.exception.code, caught.exception.detail), ("NOT_AN_ARTWORK_PAGE", "why"))
            self.assertEqual(len(server.requests), 3)

    def test_a_stream_without_line_feeds_at_its_end_gives_what_was_whole(self):
        _, client = self.ask((200, {}, event(1, answer("LINK_FINDER")).replace("\n", "\r\n") + "data: {}"))
        self.assertEqual([each["status"] for each in client.follow(PAGE)], ["LINK_FINDER"])

    def test_an_image_is_sent_in_any_form(self):
        accepted = answer("LINK_FINDER", identifier="i")
        server, client = self.ask((200, {}, accepted), (200, {}, accepted))
        client.search(b"\x89PNG", account_name="jane", networks=["bluesky"], turned=True)
        method, path, headers, body = server.requests[0]
        self.assertEqual((method, body, headers["Content-Type"]), ("POST", b"\x89PNG", "application/octet-stream"))
        self.assertEqual(path, "/search?account_name=jane&networks=bluesky&turned=1")
        client.search(url="https://i.example/a.png")
        self.assertEqual(json.loads(server.requests[1][3]), {"url": "https://i.example/a.png", "turned": False})
        for wrong in ({}, {"image": b"x", "url": "u"}):
            with self.assertRaises(ValueError):
                client.search(**wrong)

    def test_many_pages_share_the_room_there_is(self):
        def entries(*each):
            return 200, {}, {"queries": list(each)}

        full = answer(None, "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS", id=None, url="b")
        server, client = self.ask(
            entries(answer("LINK_FINDER", id="1", url="a"), full),
            entries(answer(id="1", url="a2")),
            entries(answer("LINK_FINDER", id="2", url="b"), answer(None, "NOT_AN_URL", id=None, url="c")),
            entries(answer("LINK_FINDER", id="2", url="b")),
            entries(answer("END", "NO_SUCH_REQUEST", id="2", url=None)),
        )
        found = [(each["url"], each["error"]) for each in client.find_all(iter("abc"), in_progress=2)]
        self.assertEqual(found, [("a", None), ("c", "NOT_AN_URL"), ("b", "NO_SUCH_REQUEST")])
        asked = [json.loads(body)["urls"] for method, _, _, body in server.requests if method == "POST"]
        self.assertEqual(asked, [["a", "b"], ["b", "c"]])


if __name__ == "__main__":
    unittest.main()
