PRAGMA application_id = 1332896616;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE campaigns (
	name TEXT NOT NULL, 
	paused BOOLEAN NOT NULL, 
	stopped BOOLEAN NOT NULL, 
	token INTEGER NOT NULL, 
	lease_pid INTEGER, 
	lease_pid_start INTEGER, 
	lease_host TEXT, 
	lease_machine TEXT, 
	lease_pid_space TEXT, 
	lease_boot_id TEXT, 
	lease_expires_boot_s FLOAT, 
	lease_expires_wall FLOAT, 
	PRIMARY KEY (name)
);
CREATE TABLE contacts (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	occurrence TEXT NOT NULL, 
	number TEXT NOT NULL, 
	row_digest TEXT NOT NULL, 
	state TEXT NOT NULL, 
	run_id TEXT, 
	attempts INTEGER NOT NULL, 
	due_wall FLOAT, 
	disposition TEXT, 
	result TEXT, 
	reason TEXT, 
	call_id TEXT, 
	started_wall FLOAT, 
	ended_wall FLOAT, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
CREATE TABLE home (
	machine TEXT
);
INSERT INTO "home" VALUES(NULL);
CREATE TABLE inbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id TEXT NOT NULL, 
	body TEXT NOT NULL, 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
CREATE TABLE occurrences (
	id INTEGER NOT NULL, 
	campaign TEXT NOT NULL, 
	occurrence TEXT NOT NULL, 
	content_digest TEXT NOT NULL, 
	first_wall FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (campaign, content_digest, occurrence)
);
CREATE TABLE paths (
	id INTEGER NOT NULL, 
	host TEXT NOT NULL, 
	cut TEXT, 
	status INTEGER, 
	lasted_s FLOAT NOT NULL, 
	wall FLOAT NOT NULL, 
	keepalive BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE records (
	run_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	crc INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (run_id, seq), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',1,2725339018,'{"t":"RunStarted","v":1,"at":[1795395872.7977803,25660.625260174,"c64d275b"],"run_id":"02577085-d107-4c00-8a86-4b79cc94c2cc","script_name":"reminder","script_digest":"08c3aef6ae2e0e3a1dc98822f388174b47f23f371339a308a76e306993b86162","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - send_dtmf: {dtmf: \"*****\"}\n  - say: {text: \"Done.\"}\n","script_masked":true,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:39393","account":"61ee723c635b71cd"}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',2,2122431582,'{"t":"Intended","v":1,"at":[1795395872.807894,25660.635373717,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395875.0}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',3,55107143,'{"t":"Concluded","v":1,"at":[1795395872.8631701,25660.690649902,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395872.8102067,25660.637686748,"c64d275b"],"status":201,"call":{"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395872.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":-0.36317014694213867}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',4,3392904802,'{"t":"Intended","v":1,"at":[1795395872.8634722,25660.690951774,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["send_dtmf"],"command_entries":[1],"digests":{"1":"85a4fba42ee27c419f68efd5bfd4d361604be87c9b9c4455188939e697299f2e"},"replay_class":"dangerous","policy":"stop","shortest_s":0.5,"longest_s":2.0,"read_timeout_s":7.0,"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33"}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',5,2348525481,'{"t":"Concluded","v":1,"at":[1795395872.8671727,25660.694652882,"c64d275b"],"outcome":"unknown","reason":"the connection was reset, after the request was sent","first_byte":[1795395872.866035,25660.69351484,"c64d275b"]}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',6,748067836,'{"t":"Looked","v":1,"at":[1795395872.8690352,25660.696515069,"c64d275b"],"began":[1795395872.867456,25660.694935879,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395872.0,"duration_s":0.0},"clock_skew_s":-0.3690352439880371}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',7,225555738,'{"t":"Waited","v":1,"at":[1795395872.8691676,25660.696647218,"c64d275b"],"wake":[1795395873.1690352,25660.996515069,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',8,4253846013,'{"t":"Looked","v":1,"at":[1795395873.1714966,25660.998976555,"c64d275b"],"began":[1795395873.169508,25660.996990108,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395872.0,"duration_s":6.0},"clock_skew_s":0.3285033702850342}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',9,3386266685,'{"t":"Settled","v":1,"at":[1795395873.1717446,25660.999224253,"c64d275b"],"verdict":"undecidable","evidence":"the call is ready, and was never seen running in 0.3 s of 2 looks","then":"stop","call":{"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395872.0,"duration_s":6.0}}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',10,2435549738,'{"t":"Intended","v":1,"at":[1795395873.1718955,25660.99937518,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":1},"after":{"entry":1},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","end_reason":"send_dtmf: the call is ready, and was never seen running in 0.3 s of 2 looks"}');
INSERT INTO "records" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc',11,230827805,'{"t":"Concluded","v":1,"at":[1795395873.1759567,25661.003436926,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395873.1741936,25661.001673576,"c64d275b"],"status":200,"call":{"call_id":"1a19410b-9b93-471f-976b-c3f181cf7d33","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395872.0,"duration_s":6.0},"clock_skew_s":0.32404327392578125}');
CREATE TABLE requests (
	id INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	wall FLOAT NOT NULL, 
	run_id TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE runs (
	run_id TEXT NOT NULL, 
	script_name TEXT NOT NULL, 
	callee TEXT NOT NULL, 
	contact_key TEXT, 
	incoming_call TEXT, 
	started_wall FLOAT NOT NULL, 
	started_boot_s FLOAT NOT NULL, 
	started_boot_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	disposition TEXT, 
	ended BOOLEAN NOT NULL, 
	call_id TEXT, 
	claims_dial BOOLEAN NOT NULL, 
	claim_until_wall FLOAT, 
	wake_wall FLOAT, 
	ended_wall FLOAT, 
	claimed_number TEXT, 
	token INTEGER NOT NULL, 
	lease_pid INTEGER, 
	lease_pid_start INTEGER, 
	lease_host TEXT, 
	lease_machine TEXT, 
	lease_pid_space TEXT, 
	lease_boot_id TEXT, 
	lease_expires_boot_s FLOAT, 
	lease_expires_wall FLOAT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('02577085-d107-4c00-8a86-4b79cc94c2cc','reminder','+12125550101',NULL,NULL,1.7953958727977802753e+09,25660.625260174,'c64d275b','undecided',NULL,0,'1a19410b-9b93-471f-976b-c3f181cf7d33',0,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
