-- One row an epoch: a run of sequence numbers under one random name. A new one begins with every created, restored or
-- rolled-back database. Numbers up to base_seq are pruned; base_chain is the chain value there, so what is left can be verified.
CREATE TABLE era (
  number     INTEGER PRIMARY KEY,
  epoch      TEXT NOT NULL UNIQUE,
  begun      TEXT NOT NULL,
  cause      TEXT NOT NULL,
  base_seq   INTEGER NOT NULL,
  base_chain BLOB NOT NULL
) STRICT;

-- Events, and at the same time the outbox: what a consumer has yet to get is what lies behind its acknowledged number.
-- id = era * 2^40 + seq, so that the newest is always the last leaf of the tree and a page is one range of it.
CREATE TABLE event (
  id    INTEGER PRIMARY KEY,
  at    TEXT NOT NULL,
  class TEXT NOT NULL,
  name  TEXT NOT NULL,
  data  BLOB NOT NULL,
  chain BLOB NOT NULL
) STRICT;

-- How far each consumer has committed, in the current era only.
CREATE TABLE ack (
  consumer TEXT PRIMARY KEY,
  era      INTEGER NOT NULL REFERENCES era,
  seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Events of an older era that still have to be given numbers of the current one: (after, upto].
CREATE TABLE carry (
  era   INTEGER PRIMARY KEY,
  after INTEGER NOT NULL,
  upto  INTEGER NOT NULL
) STRICT;

CREATE TABLE fact (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
