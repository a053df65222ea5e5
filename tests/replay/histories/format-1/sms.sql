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
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',1,1367771174,'{"t":"RunStarted","v":1,"at":[1795395897.7009673,25685.528447218,"c64d275b"],"run_id":"addf89e1-f934-4f9f-a90b-59c313f324e0","script_name":"reminder","script_digest":"b075e533dd7bcb8b525bddd406a31fa9520a0fad5c4b485007a44999854ad114","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"You will get a message.\"}\n  - hangup: {}\n  - sms: {to: \"{{ to }}\", from: \"+15555550199\", message: \"Your code waits at the desk.\"}\n  - end: {result: told}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:35765","account":"4882af7c8ab172be"}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',2,3160277580,'{"t":"Intended","v":1,"at":[1795395897.7118979,25685.539377425,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395900.0}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',3,3673661845,'{"t":"Concluded","v":1,"at":[1795395897.7677946,25685.595274556,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395897.7143824,25685.541862348,"c64d275b"],"status":201,"call":{"call_id":"a0ece033-142c-410b-8298-d81259296bd6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395897.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":-0.2677946090698242}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',4,562350088,'{"t":"Intended","v":1,"at":[1795395897.768234,25685.595713694,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"27a4169447767dcddf16150494e07bc715d39f5962b5243368cbd283e93756d3"},"replay_class":"heard","shortest_s":1.1538461538461537,"longest_s":4.333333333333334,"read_timeout_s":9.333333333333334,"call_id":"a0ece033-142c-410b-8298-d81259296bd6"}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',5,3740435346,'{"t":"Concluded","v":1,"at":[1795395897.8738697,25685.701349574,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395897.7709928,25685.598472605,"c64d275b"],"status":200,"call":{"call_id":"a0ece033-142c-410b-8298-d81259296bd6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395897.0,"duration_s":2.0},"results":[{"command":"say"}],"clock_skew_s":-0.3738696575164795}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',6,3666255883,'{"t":"Intended","v":1,"at":[1795395897.874152,25685.701631515,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["hangup"],"command_entries":[2],"digests":{"2":"f36512d10a6261cbbb93a6884a4f41afbefebf70d20ea3b75f0a8762807b19ce"},"longest_s":1.0,"read_timeout_s":6.0,"call_id":"a0ece033-142c-410b-8298-d81259296bd6"}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',7,4192314613,'{"t":"Concluded","v":1,"at":[1795395897.8779824,25685.705462275,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395897.8762147,25685.703694826,"c64d275b"],"status":200,"call":{"call_id":"a0ece033-142c-410b-8298-d81259296bd6","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395897.0,"duration_s":2.0},"results":[{"command":"hangup"}],"clock_skew_s":-0.37798237800598145}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',8,2669599644,'{"t":"Intended","v":1,"at":[1795395897.8781905,25685.705670222,"c64d275b"],"operation":"sms","attempt":1,"start":{"entry":3},"after":{"entry":4},"commands":["sms"],"command_entries":[3],"digests":{"3":"3b932c1520ab52ad52f9a52dae7605ab70ae488354672193819ebc9adc1b07e2"},"replay_class":"dangerous","policy":"skip","longest_s":10.0,"read_timeout_s":15.0,"call_id":"a0ece033-142c-410b-8298-d81259296bd6"}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',9,1912626491,'{"t":"Concluded","v":1,"at":[1795395897.8810327,25685.708512477,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395897.879928,25685.707408005,"c64d275b"],"status":201,"clock_skew_s":-0.38103270530700684}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',10,3812794546,'{"t":"EndDecided","v":1,"at":[1795395897.8811424,25685.708621826,"c64d275b"],"status":"completed","result":"told"}');
INSERT INTO "records" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0',11,2400215624,'{"t":"RunEnded","v":1,"at":[1795395897.8811924,25685.708671997,"c64d275b"],"status":"completed","disposition":"completed","result":"told"}');
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
INSERT INTO "runs" VALUES('addf89e1-f934-4f9f-a90b-59c313f324e0','reminder','+12125550101',NULL,NULL,1.79539589770096731178e+09,25685.528447218,'c64d275b','completed','completed',1,'a0ece033-142c-410b-8298-d81259296bd6',0,NULL,NULL,1.79539589788160800932e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
