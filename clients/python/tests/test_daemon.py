"""The client against a real server, whose address is in AOTF_TEST_SERVER; the tests of the server set the rest, too."""

import json
import os
import typing
import unittest

import aotf_client
from aotf_client import Client

SERVER = os.environ.get("AOTF_TEST_SERVER")


@unittest.skipIf(SERVER is None, "AOTF_TEST_SERVER names no server")
class DaemonTest(unittest.TestCase):
    def setUp(self):
        self.client = Client(SERVER)
        self.page = os.environ["AOTF_TEST_PAGE"]
        self.account = os.environ["AOTF_TEST_ACCOUNT"]
        self.image = os.environ["AOTF_TEST_IMAGE"]

    def test_a_page_and_a_picture_are_found(self):
        seen = []
        found = self.client.find(self.page, on_change=seen.append)
        self.assertTrue(found["posts"][0]["url"].startswith("https://"), found)
        self.assertEqual((found["status"], seen[-1]), ("END", found))
        self.assertEqual(self.client.query(self.page)["posts"], found["posts"])
        self.assertEqual([each["status"] for each in self.client.follow(self.page)], ["END"])
        with open(self.image, "rb") as picture:
            for image in (picture.read(), self.image):
                searched = self.client.find_image(image, account_name=self.account)
                self.assertIn(searched["posts"][0]["class"], ("identical", "recompressed"))
        self.assertEqual(self.client.account(self.account)[0]["account_name"], self.account)

    def test_many_pages(self):
        pages = [self.page, "nonsense"]
        entries = {entry["url"]: entry for entry in self.client.find_all(pages)}
        self.assertEqual(entries["nonsense"]["error"], "NOT_AN_URL")
        self.assertTrue(entries[self.page]["posts"])

    def test_what_goes_wrong_is_a_type(self):
        with self.assertRaises(aotf_client.QueryFailed) as caught:
            self.client.find("nonsense")
        self.assertEqual(caught.exception.code, "NOT_AN_URL")
        with self.assertRaises(aotf_client.QueryFailed) as caught:
            self.client.find_image(b"no image")
        self.assertEqual(caught.exception.code, "CANNOT_GET_IMAGE")
        with self.assertRaises(aotf_client.Unauthorized):
            Client(SERVER, key="nobody's key").stats()
        with self.assertRaises(aotf_client.Forbidden):
            Client(SERVER, key=os.environ["AOTF_TEST_PLAIN_KEY"]).search(b"png")
        codes = {entry["code"] for entry in self.client.errors()}
        self.assertIn("NOT_AN_URL", codes)

    def test_figures_are_told_to_those_who_may_know(self):
        self.assertIsNotNone(self.client.stats()["spent_today_usd"])
        plain = Client(SERVER, key=os.environ["AOTF_TEST_PLAIN_KEY"])
        self.assertIsNone(plain.stats()["spent_today_usd"])
        self.assertTrue(self.client.config()["ip_can_use_advanced"])
        self.assertFalse(plain.config()["ip_can_use_advanced"])

    def test_the_types_name_every_field(self):
        found = self.client.find(self.page)
        known = self.client.account(self.account)[0]
        for answer, kind in [
            (found, aotf_client.Answer),
            (found["posts"][0], aotf_client.Post),
            (found["results"][0], aotf_client.Result),
            (found["accounts"][0], aotf_client.Account),
            (found["twitter_accounts"][0], aotf_client.TwitterAccount),
            (found["steps"][0], aotf_client.Step),
            (found["searched"][0], aotf_client.Searched),
            (known, aotf_client.KnownAccount),
            (self.client.artist(self.page), aotf_client.ArtistAnswer),
            (self.client.artist(self.page)["accounts"][0], aotf_client.NamedAccount),
            (self.client.states([found["id"]])[0], aotf_client.BatchEntry),
            (self.client.errors()[0], aotf_client.ErrorEntry),
            (self.client.stats(), aotf_client.Stats),
            (self.client.config(), aotf_client.Config),
        ]:
            # With what the names of the types stand for, as type checkers read them.
            self.assertEqual(set(answer), set(typing.get_type_hints(kind)), json.dumps(answer))

    def test_an_answer_says_what_it_rests_on(self):
        found = self.client.find(self.page, first=True)
        self.assertEqual(found["status"], "END")
        self.assertIn(found["posts"][0]["class"], ("identical", "recompressed"))
        whole = self.client.find(self.page, whole=True)
        self.assertNotEqual(whole["id"], self.client.find(self.page)["id"])
        self.assertTrue(whole["complete"] and whole["rest_usd"] is None, json.dumps(whole))

    def test_an_artist_is_known_without_their_posts(self):
        named = self.client.artist(self.page, resolve=False)
        self.assertEqual(named["status"], "END")
        self.assertTrue(all(one["evidence"] and one["chain"] for one in named["accounts"]), json.dumps(named))
        known = self.client.artist(self.page)
        self.assertIn("confirmed", [one["state"] for one in known["accounts"]])
        with self.assertRaises(aotf_client.QueryFailed) as failed:
            self.client.artist("nonsense")
        self.assertEqual(failed.exception.code, "NOT_AN_URL")


if __name__ == "__main__":
    unittest.main()
