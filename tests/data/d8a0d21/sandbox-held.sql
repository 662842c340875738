PRAGMA application_id = 1399612261;
BEGIN TRANSACTION;
CREATE TABLE holds (
  app         TEXT    NOT NULL,
  environment TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  PRIMARY KEY (app, environment)
) STRICT, WITHOUT ROWID;
INSERT INTO "holds" VALUES('shop','prod','rolled back to shop 1 by pd25a8mjzm713',1700000006);
CREATE TABLE journal (
  promotion   TEXT    NOT NULL REFERENCES promotions (id),
  sequence    INTEGER NOT NULL CHECK (sequence >= 1),
  at          INTEGER NOT NULL,
  step        TEXT    NOT NULL CHECK (step <> ''),
  target      TEXT    NOT NULL,
  image       TEXT    NOT NULL,
  detail_json TEXT    NOT NULL,
  PRIMARY KEY (promotion, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO "journal" VALUES('pd25a8m79hrcp',1,1700000004,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',2,1700000004,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',3,1700000004,'before','{api}/old-prod','','[{"image":"web","tag":"latest","before":"sha256:788174d398aed97bab8ca2acb88ebb2587270fb76f55e1dbf73a6e53e177522b"}]');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',4,1700000004,'switch','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',5,1700000004,'switched','{api}/old-prod','web','{"tag":"latest","digest":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","written":true}');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',6,1700000004,'rolling-out','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',7,1700000004,'verifying','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',8,1700000004,'verified','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8m79hrcp',9,1700000004,'succeeded','','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',1,1700000005,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',2,1700000005,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',3,1700000005,'before','{api}/old-prod','','[{"image":"web","tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}]');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',4,1700000005,'switch','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',5,1700000005,'switched','{api}/old-prod','web','{"tag":"latest","digest":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab","written":true}');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',6,1700000005,'rolling-out','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',7,1700000005,'verifying','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',8,1700000005,'verified','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mbrdvp9',9,1700000005,'succeeded','','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',1,1700000006,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',2,1700000006,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',3,1700000006,'before','{api}/old-prod','','[{"image":"web","tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}]');
INSERT INTO "journal" VALUES('pd25a8mjzm713',4,1700000006,'switch','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',5,1700000006,'switched','{api}/old-prod','web','{"tag":"latest","digest":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","written":true}');
INSERT INTO "journal" VALUES('pd25a8mjzm713',6,1700000006,'rolling-out','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',7,1700000006,'verifying','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',8,1700000006,'verified','{api}/old-prod','','null');
INSERT INTO "journal" VALUES('pd25a8mjzm713',9,1700000006,'succeeded','','','null');
CREATE TABLE leases (
  target     TEXT    PRIMARY KEY NOT NULL,
  holder     TEXT    NOT NULL,   -- empty when nobody has it
  fence      INTEGER NOT NULL CHECK (fence >= 1),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "leases" VALUES('{api}/old-prod','',3,0);
CREATE TABLE promotions (
  sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
  id             TEXT    NOT NULL UNIQUE CHECK (id <> ''),
  app            TEXT    NOT NULL,
  environment    TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  release_number INTEGER NOT NULL,
  plan_hash      TEXT    NOT NULL,
  plan_json      TEXT    NOT NULL,
  state          TEXT    NOT NULL,
  failure        TEXT    NOT NULL,
  created_at     INTEGER NOT NULL,
  ended_at       INTEGER NOT NULL,
  FOREIGN KEY (app, release_number) REFERENCES releases (app, number)
) STRICT;
INSERT INTO "promotions" VALUES(1,'pd25a8m79hrcp','shop','prod','promote',1,'sha256:04a254143cf64cbd9a50a82aa3a32119afa82404e425eb068247f1c64a1dbeb2','{"version":1,"app":"shop","environment":"prod","kind":"promote","release":1,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","tags":[{"tag":"latest","before":"sha256:788174d398aed97bab8ca2acb88ebb2587270fb76f55e1dbf73a6e53e177522b"}],"origins":[{"cluster":"box","registry":"","project":"old-dev","api":"{api}","via":null,"deploy":"trigger"},{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger"}],"source":{"cluster":"box","registry":"","project":"old-dev","api":"{api}","via":null,"deploy":"trigger"},"road":"tag"}],"streams":true,"push_tags":false}]}','succeeded','',1700000004,1700000004);
INSERT INTO "promotions" VALUES(2,'pd25a8mbrdvp9','shop','prod','promote',2,'sha256:4c2bba7e50cfa23fb0e1b3024b77aaf261a9461ff893cfddf4c78e156fc09a9f','{"version":1,"app":"shop","environment":"prod","kind":"promote","release":2,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab","tags":[{"tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}],"origins":[{"cluster":"box","registry":"","project":"old-dev","api":"{api}","via":null,"deploy":"trigger"},{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger"}],"source":{"cluster":"box","registry":"","project":"old-dev","api":"{api}","via":null,"deploy":"trigger"},"road":"tag"}],"streams":true,"push_tags":false}]}','succeeded','',1700000005,1700000005);
INSERT INTO "promotions" VALUES(3,'pd25a8mjzm713','shop','prod','rollback',1,'sha256:d57ce20d13af41ecc4c842f60fe6efec31f10f8946a9510fbfe91126dae7e974','{"version":1,"app":"shop","environment":"prod","kind":"rollback","release":1,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","tags":[{"tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}],"origins":[{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger"},{"cluster":"box","registry":"","project":"old-dev","api":"{api}","via":null,"deploy":"trigger"}],"source":{"cluster":"box","registry":"","project":"old-prod","api":"{api}","via":null,"deploy":"trigger"},"road":"present"}],"streams":true,"push_tags":false}]}','succeeded','',1700000006,1700000006);
CREATE TABLE release_images (
  app      TEXT    NOT NULL,
  number   INTEGER NOT NULL,
  position INTEGER NOT NULL,     -- the order of the pipeline
  name     TEXT    NOT NULL CHECK (name <> ''),
  digest   TEXT    NOT NULL,
  tag      TEXT    NOT NULL,
  PRIMARY KEY (app, number, position),
  UNIQUE (app, number, name),
  FOREIGN KEY (app, number) REFERENCES releases (app, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "release_images" VALUES('shop',1,0,'web','sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3','latest');
INSERT INTO "release_images" VALUES('shop',2,0,'web','sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab','latest');
CREATE TABLE releases (
  app         TEXT    NOT NULL CHECK (app <> ''),
  number      INTEGER NOT NULL CHECK (number >= 1),
  content     TEXT    NOT NULL,  -- SHA-256 over the sorted names and digests: finds equal releases
  pattern_tag INTEGER NOT NULL CHECK (pattern_tag IN (0, 1)),
  adopted     INTEGER NOT NULL CHECK (adopted IN (0, 1)),
  origin      TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (app, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "releases" VALUES('shop',1,'49431f1125ad71ed318fbd0bb89476f8bbce90496d34ac29d2751773a187739e',0,0,'dev',1700000004);
INSERT INTO "releases" VALUES('shop',2,'ac10c3ba80e1c038edf0caecadaed3c8ff10cd7c853c05708c1403d927df4352',0,0,'dev',1700000005);
CREATE TABLE schema_versions ( version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;
INSERT INTO "schema_versions" VALUES(1,'releases, promotions, journal, holds, leases','2fe0bac4e0fcf7c5292daf940975eed313e4b8bf1be3993cbbb6c3f3f58c1c32',1700000004);
CREATE INDEX releases_by_content ON releases (app, content, number);
CREATE INDEX promotions_by_place ON promotions (app, environment, sequence);
CREATE TRIGGER releases_keep       BEFORE UPDATE ON releases       BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER releases_stay       BEFORE DELETE ON releases       BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER release_images_keep BEFORE UPDATE ON release_images BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER release_images_stay BEFORE DELETE ON release_images BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER journal_keep        BEFORE UPDATE ON journal        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_stay        BEFORE DELETE ON journal        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER promotions_stay     BEFORE DELETE ON promotions     BEGIN SELECT RAISE(ABORT, 'promotions are never deleted'); END;
CREATE TRIGGER promotions_keep     BEFORE UPDATE OF sequence, id, app, environment, kind, release_number, plan_hash, plan_json, created_at
  ON promotions BEGIN SELECT RAISE(ABORT, 'only the state of a promotion changes'); END;
CREATE TRIGGER leases_grow BEFORE UPDATE ON leases WHEN NEW.fence < OLD.fence BEGIN SELECT RAISE(ABORT, 'fences only grow'); END;
CREATE TRIGGER leases_stay BEFORE DELETE ON leases BEGIN SELECT RAISE(ABORT, 'fences only grow'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('promotions',3);
COMMIT;
