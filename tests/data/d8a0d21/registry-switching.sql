PRAGMA application_id = 1399612261;
BEGIN TRANSACTION;
CREATE TABLE holds (
  app         TEXT    NOT NULL,
  environment TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  PRIMARY KEY (app, environment)
) STRICT, WITHOUT ROWID;
INSERT INTO "holds" VALUES('shop','prod','year-end close',1700000002);
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
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',1,1700000001,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',2,1700000001,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',3,1700000001,'before','{a}/old/p1','','[{"image":"web","tag":"latest","before":null},{"image":"api","tag":"latest","before":null}]');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',4,1700000001,'switch','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',5,1700000001,'switched','{a}/old/p1','api','{"tag":"latest","digest":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',6,1700000001,'switched','{a}/old/p1','web','{"tag":"latest","digest":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',7,1700000001,'verified','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',8,1700000001,'before','{b}/old/p2','','[{"image":"web","tag":"latest","before":null},{"image":"api","tag":"latest","before":null}]');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',9,1700000001,'switch','{b}/old/p2','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',10,1700000001,'switched','{b}/old/p2','api','{"tag":"latest","digest":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',11,1700000001,'switched','{b}/old/p2','web','{"tag":"latest","digest":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',12,1700000001,'verified','{b}/old/p2','','null');
INSERT INTO "journal" VALUES('pd25a8k9c8ac9',13,1700000001,'succeeded','','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',1,1700000001,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',2,1700000001,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',3,1700000001,'before','{a}/old/p1','','[{"image":"web","tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"},{"image":"api","tag":"latest","before":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}]');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',4,1700000001,'switch','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',5,1700000001,'switched','{a}/old/p1','web','{"tag":"latest","digest":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',6,1700000001,'switched','{a}/old/p1','api','{"tag":"latest","digest":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',7,1700000001,'verified','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',8,1700000001,'before','{b}/old/p2','','[{"image":"web","tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"},{"image":"api","tag":"latest","before":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}]');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',9,1700000001,'switch','{b}/old/p2','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',10,1700000001,'switched','{b}/old/p2','api','{"tag":"latest","digest":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',11,1700000001,'switched','{b}/old/p2','web','{"tag":"latest","digest":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',12,1700000001,'verified','{b}/old/p2','','null');
INSERT INTO "journal" VALUES('pd25a8ke2fsm7',13,1700000001,'succeeded','','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',1,1700000002,'copying','','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',2,1700000002,'content','','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',3,1700000002,'before','{a}/old/p1','','[{"image":"web","tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"},{"image":"api","tag":"latest","before":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}]');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',4,1700000002,'switch','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',5,1700000002,'switched','{a}/old/p1','web','{"tag":"latest","digest":"sha256:35df3f84a096344f745d932ada2f1d58823f3bc090304d7c66a5a9ab93dc518d"}');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',6,1700000002,'switched','{a}/old/p1','api','{"tag":"latest","digest":"sha256:8278067bc92df9126220cef99b98ce3e7060de552762a44e9d2e1a2a7972cfcd"}');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',7,1700000002,'verified','{a}/old/p1','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',8,1700000002,'before','{b}/old/p2','','[{"image":"web","tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"},{"image":"api","tag":"latest","before":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}]');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',9,1700000002,'switch','{b}/old/p2','','null');
INSERT INTO "journal" VALUES('pd25a8khvc3rv',10,1700000002,'switched','{b}/old/p2','web','{"tag":"latest","digest":"sha256:35df3f84a096344f745d932ada2f1d58823f3bc090304d7c66a5a9ab93dc518d"}');
CREATE TABLE leases (
  target     TEXT    PRIMARY KEY NOT NULL,
  holder     TEXT    NOT NULL,   -- empty when nobody has it
  fence      INTEGER NOT NULL CHECK (fence >= 1),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "leases" VALUES('{b}/old/p2','agent-1/00000000-0000-0000-0000-000000000001/pid-[4026531836]:29729:1871836',3,1700000062);
INSERT INTO "leases" VALUES('{a}/old/p1','agent-1/00000000-0000-0000-0000-000000000001/pid-[4026531836]:29729:1871836',3,1700000062);
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
INSERT INTO "promotions" VALUES(1,'pd25a8k9c8ac9','shop','prod','promote',1,'sha256:5e43ad83ab3ee390012218d537c5c6802a55b003fbc651361e547815f1f7eb20','{"version":1,"app":"shop","environment":"prod","kind":"promote","release":1,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","tags":[{"tag":"latest","before":null}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c","tags":[{"tag":"latest","before":null}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3","tags":[{"tag":"latest","before":null}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c","tags":[{"tag":"latest","before":null}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false}]}','succeeded','',1700000001,1700000001);
INSERT INTO "promotions" VALUES(2,'pd25a8ke2fsm7','shop','prod','promote',2,'sha256:f17dabc409b73a41fe669d99e156ac734d63b2d07cb05604ed26574adcb0921b','{"version":1,"app":"shop","environment":"prod","kind":"promote","release":2,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab","tags":[{"tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4","tags":[{"tag":"latest","before":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab","tags":[{"tag":"latest","before":"sha256:eb52f5e824e538f9fbd2201c672039c2d5388b9c2be122e9aea8639deda881e3"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4","tags":[{"tag":"latest","before":"sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false}]}','succeeded','',1700000001,1700000001);
INSERT INTO "promotions" VALUES(3,'pd25a8khvc3rv','shop','prod','promote',3,'sha256:7c699e529ed4c0417d164631e69cc98bc2ba19c47c6a96031be2f90c778e90b2','{"version":1,"app":"shop","environment":"prod","kind":"promote","release":3,"verify":{"rollout":true,"rollout_seconds":600,"watch_seconds":0,"http":""},"rollback_on_failure":false,"targets":[{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:35df3f84a096344f745d932ada2f1d58823f3bc090304d7c66a5a9ab93dc518d","tags":[{"tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:8278067bc92df9126220cef99b98ce3e7060de552762a44e9d2e1a2a7972cfcd","tags":[{"tag":"latest","before":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger","images":[{"name":"web","after":"sha256:35df3f84a096344f745d932ada2f1d58823f3bc090304d7c66a5a9ab93dc518d","tags":[{"tag":"latest","before":"sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null},{"name":"api","after":"sha256:8278067bc92df9126220cef99b98ce3e7060de552762a44e9d2e1a2a7972cfcd","tags":[{"tag":"latest","before":"sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4"}],"origins":[{"cluster":"","registry":"{a}","project":"old/dev","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{a}","project":"old/p1","api":null,"via":null,"deploy":"trigger"},{"cluster":"","registry":"{b}","project":"old/p2","api":null,"via":null,"deploy":"trigger"}],"source":null,"road":null}],"streams":false,"push_tags":false}]}','switching','',1700000002,0);
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
INSERT INTO "release_images" VALUES('shop',1,1,'api','sha256:9a519b22bb952127e0c379a13bb121b4d50a8ce884fe435af7c9273a0701e01c','latest');
INSERT INTO "release_images" VALUES('shop',2,0,'web','sha256:4fe68bc47f261be2f2b30de066bdce1be4a5f731de482a8bab8388e779f7abab','latest');
INSERT INTO "release_images" VALUES('shop',2,1,'api','sha256:4946685106ac9b4fd43f643e29958796e04e51fcd55aecd1ca21315a48bc53c4','latest');
INSERT INTO "release_images" VALUES('shop',3,0,'web','sha256:35df3f84a096344f745d932ada2f1d58823f3bc090304d7c66a5a9ab93dc518d','latest');
INSERT INTO "release_images" VALUES('shop',3,1,'api','sha256:8278067bc92df9126220cef99b98ce3e7060de552762a44e9d2e1a2a7972cfcd','latest');
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
INSERT INTO "releases" VALUES('shop',1,'9abf70d48a591cebd7aae0d80f05b229ad853466d63b9acf29182bd6d0c4d162',0,0,'dev',1700000000);
INSERT INTO "releases" VALUES('shop',2,'ad68293b1d5bc439d036b1df26fc1ddb3c6ffe9e991634b39623a9f829d9fb67',0,0,'dev',1700000001);
INSERT INTO "releases" VALUES('shop',3,'8c00b91703e319aeaef2fb7cb60112f2a75ac17ef37048eab2abaaa9763e3b43',0,0,'dev',1700000002);
CREATE TABLE schema_versions ( version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;
INSERT INTO "schema_versions" VALUES(1,'releases, promotions, journal, holds, leases','2fe0bac4e0fcf7c5292daf940975eed313e4b8bf1be3993cbbb6c3f3f58c1c32',1700000000);
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
