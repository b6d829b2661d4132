//! How is the database of people laid out?

use crate::schema::Layout;

/// Version of the layout that this program writes.
pub const VERSION: u32 = PEOPLE.version();

/// The database of people; "IMUP".
pub(super) const PEOPLE: Layout =
    Layout { application: 0x494D_5550, steps: &[FIRST, SECOND, THIRD, FOURTH, FIFTH] };

/// Why it looks so:
/// - numbers are `AUTOINCREMENT`: what names a person who was removed never comes to mean another;
/// - `folded` is the name as it is compared: two people differ by more than the size of letters;
/// - secrets are there as hashes alone, `sealed` excepted, which a key outside the database locks;
/// - a membership remembers who gave it, so that a provider takes back only what it gave.
const FIRST: &str = "
CREATE TABLE people(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    shown TEXT NOT NULL,
    mail TEXT,
    role TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    passphrase TEXT,
    origin TEXT NOT NULL,
    external TEXT,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER
);
CREATE TABLE identities(
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    PRIMARY KEY(provider, subject)
) WITHOUT ROWID;
CREATE INDEX identities_by_person ON identities(person_id);
CREATE TABLE groups(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL,
    external TEXT,
    created_ms INTEGER NOT NULL
);
CREATE TABLE memberships(
    person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    origin TEXT NOT NULL,
    PRIMARY KEY(person_id, group_id, origin)
) WITHOUT ROWID;
CREATE INDEX memberships_by_group ON memberships(group_id);
CREATE TABLE sessions(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    way TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    address TEXT NOT NULL,
    browser TEXT NOT NULL,
    sealed TEXT
);
CREATE INDEX sessions_by_person ON sessions(person_id);
CREATE TABLE tokens(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    person_id INTEGER REFERENCES people(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    groups TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER
);
CREATE INDEX tokens_by_person ON tokens(person_id);
CREATE TABLE codes(
    hash BLOB PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    use TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
";

/// Conversations. `person_id` is nothing for this machine's owner where nobody signs in; `answer` is the plain text of what
/// `shown` holds as it was shown.
const SECOND: &str = "
CREATE TABLE conversations(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER REFERENCES people(id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
);
CREATE INDEX conversations_by_person ON conversations(person_id, changed_ms);
CREATE TABLE turns(
    conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    shown TEXT NOT NULL,
    asked_ms INTEGER NOT NULL,
    rating INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(conversation_id, number)
) WITHOUT ROWID;
";

/// The collection that a conversation is about; and what each person used each model for, by day (days since 1970, UTC).
/// `person_id` is 0 for this machine's owner and for programs, `model` is empty for sentences of the documents. What is
/// counted of a person goes with the person.
const THIRD: &str = "
ALTER TABLE conversations ADD COLUMN collection TEXT;
CREATE TABLE usage(
    day INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    who TEXT NOT NULL,
    model TEXT NOT NULL,
    questions INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(day, person_id, who, model)
) WITHOUT ROWID;
CREATE TRIGGER usage_goes_with_the_person AFTER DELETE ON people
BEGIN DELETE FROM usage WHERE person_id = old.id; END;
";

/// Names that changed, until the rules of what people brought have followed them. `person_id` is nothing for a group,
/// `after` is nothing for a person who was removed. A group that is removed leaves its name in rules: groups are known by
/// their names, there and at providers.
const FOURTH: &str = "
CREATE TABLE renames(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER,
    before TEXT NOT NULL,
    after TEXT
);
CREATE TRIGGER a_person_is_called_otherwise AFTER UPDATE OF name ON people WHEN old.name <> new.name
BEGIN INSERT INTO renames(person_id, before, after) VALUES(old.id, old.name, new.name); END;
CREATE TRIGGER a_person_is_gone AFTER DELETE ON people
BEGIN INSERT INTO renames(person_id, before) VALUES(old.id, old.name); END;
CREATE TRIGGER a_group_is_called_otherwise AFTER UPDATE OF name ON groups WHEN old.name <> new.name
BEGIN INSERT INTO renames(before, after) VALUES(old.name, new.name); END;
";

/// Who made a token, by number; nothing where that is not known, since an older program made it, or where it was this
/// machine's owner. It refers to nobody on purpose: a number that leads nowhere says that its person was removed. And the
/// names that programs have or had: what they bring goes by the name, so that it is given once.
const FIFTH: &str = "
ALTER TABLE tokens ADD COLUMN maker_id INTEGER;
CREATE TABLE services(name TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT OR IGNORE INTO services(name) SELECT name FROM tokens WHERE person_id IS NULL;
";
