-- What the first version of the program laid out, with something in it. Never changed: later versions must open it.
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
INSERT INTO people VALUES(1,'anne','anne','Anne',NULL,'owner',1,'$argon2id$x','local',NULL,10,20);
INSERT INTO groups VALUES(1,'rh','local',NULL,10);
INSERT INTO memberships VALUES(1,1,'local');
INSERT INTO tokens VALUES(1,zeroblob(32),1,'scripts','abcd','read','[]','anne',10,NULL,NULL);
INSERT INTO people VALUES(2,'bruno','bruno','Bruno','b@x.fr','reader',0,NULL,'oidc:sso','b-1',10,NULL);
INSERT INTO identities VALUES('sso','subject-2',2);
INSERT INTO memberships VALUES(2,1,'oidc:sso');
INSERT INTO sessions VALUES(1,zeroblob(32),1,'local',10,20,'192.0.2.1','Firefox',NULL);
INSERT INTO codes VALUES(zeroblob(32),2,'invitation',10,9000000000000);
PRAGMA application_id = 1229804880;
PRAGMA user_version = 1;
