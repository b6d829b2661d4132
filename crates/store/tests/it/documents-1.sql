-- What the first version of the program laid out, with something in it. Never changed: later versions must open it.
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    root BLOB NOT NULL
);
CREATE TABLE access_rules(id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL UNIQUE);
CREATE TABLE files(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id INTEGER NOT NULL REFERENCES sources(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    path_text TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    reader_version INTEGER NOT NULL,
    access_id INTEGER NOT NULL REFERENCES access_rules(id),
    outcome TEXT NOT NULL,
    detail TEXT,
    warnings TEXT,
    UNIQUE(source_id, path)
);
CREATE INDEX files_by_content ON files(content_hash);
CREATE INDEX files_not_read ON files(outcome) WHERE outcome <> 'read';
CREATE TABLE documents(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    kind TEXT,
    title TEXT,
    context_title TEXT NOT NULL,
    author TEXT,
    written_ms INTEGER,
    language TEXT NOT NULL,
    access_id INTEGER NOT NULL REFERENCES access_rules(id),
    title_hash BLOB,
    pages INTEGER,
    passages INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    digest BLOB NOT NULL,
    UNIQUE(file_id, part)
);
CREATE INDEX documents_not_read ON documents(outcome) WHERE outcome <> 'read';
CREATE TABLE bodies(
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    body BLOB NOT NULL
);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    headings TEXT,
    table_header TEXT,
    text TEXT NOT NULL,
    range_start INTEGER NOT NULL,
    range_end INTEGER NOT NULL,
    page_first INTEGER,
    page_last INTEGER,
    line_first INTEGER,
    line_last INTEGER,
    section TEXT,
    language TEXT NOT NULL,
    embed_hash BLOB NOT NULL
);
CREATE INDEX passages_by_document ON passages(document_id, ordinal, embed_hash);
CREATE INDEX documents_with_title_vector ON documents(id, title_hash) WHERE title_hash IS NOT NULL;
CREATE TABLE models(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE vectors(
    model_id INTEGER NOT NULL REFERENCES models(id),
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY(model_id, hash)
) WITHOUT ROWID;
CREATE TABLE changes(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL UNIQUE
);
INSERT INTO sources VALUES(1,'papers','folder',x'2f73');
INSERT INTO access_rules VALUES(1,'{"everyone":true}');
INSERT INTO access_rules VALUES(2,'{"groups":["hr"]}');
INSERT INTO files VALUES(1,1,x'612e747874','a.txt',10,1700000000000000000,7,zeroblob(32),1,1,'read',NULL,NULL);
INSERT INTO files VALUES(2,1,x'622e7a6970','b.zip',10,1700000000000000000,8,zeroblob(32),1,2,'corrupt','it is damaged',NULL);
INSERT INTO documents VALUES(1,1,'','text','Un',  'Un',NULL,NULL,'fr',1,NULL,NULL,0,'read',NULL,zeroblob(16));
INSERT INTO changes VALUES(1,1);
PRAGMA application_id = 1229804882;
PRAGMA user_version = 1;
