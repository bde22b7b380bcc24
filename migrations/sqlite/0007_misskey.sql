-- Servers of Misskey's kind are a network of their own, beside those that speak Mastodon's API.
INSERT OR IGNORE INTO networks (no, name) VALUES (4, 'misskey');
