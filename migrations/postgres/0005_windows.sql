-- Spans of time of which an account's posts were listed, where it was never listed whole: `from_to@listed`, in
-- milliseconds since 1970, with spaces between. They are few, and always read with their account.
ALTER TABLE accounts ADD COLUMN windows TEXT;
