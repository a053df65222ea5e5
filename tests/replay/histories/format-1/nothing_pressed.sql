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
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',1,974497862,'{"t":"RunStarted","v":1,"at":[1795395866.87418,25654.701659802,"c64d275b"],"run_id":"2e24161b-0ef8-4603-b1d3-56dfa472c1c0","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:40441","account":"698d312ab388eaa6"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',2,3687011356,'{"t":"Intended","v":1,"at":[1795395866.8848734,25654.712353155,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395869.0}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',3,369280231,'{"t":"Concluded","v":1,"at":[1795395866.9431276,25654.770607249,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395866.8890886,25654.716568492,"c64d275b"],"status":201,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":-0.4431276321411133}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',4,3001370623,'{"t":"Intended","v":1,"at":[1795395866.9434216,25654.770901447,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',5,3833478088,'{"t":"Concluded","v":1,"at":[1795395867.069273,25654.896753003,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395866.9458826,25654.773362522,"c64d275b"],"status":200,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":2.0},"results":[{"command":"say"}],"clock_skew_s":0.4307270050048828}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',6,3974832671,'{"t":"Intended","v":1,"at":[1795395867.069588,25654.897067709,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',7,3920896040,'{"t":"Concluded","v":1,"at":[1795395867.3036995,25655.131179273,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395867.0714993,25654.898979392,"c64d275b"],"status":200,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":7.0},"results":[{"command":"get_dtmf","ok":false,"error":"timeout"}],"clock_skew_s":0.19630050659179688}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',8,3865358560,'{"t":"Branched","v":1,"at":[1795395867.304001,25655.131480813,"c64d275b"],"kind":"retry","entry":2,"target":{"entry":2},"reason":"timeout"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',9,883716955,'{"t":"Intended","v":1,"at":[1795395867.3040707,25655.131550206,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',10,1265246708,'{"t":"Concluded","v":1,"at":[1795395867.5390093,25655.36648916,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395867.3066366,25655.134116334,"c64d275b"],"status":200,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":11.0},"results":[{"command":"get_dtmf","ok":false,"error":"timeout"}],"clock_skew_s":-0.03900933265686035}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',11,3599122474,'{"t":"Branched","v":1,"at":[1795395867.539266,25655.366745603,"c64d275b"],"kind":"on_failure","entry":2,"target":{"entry":6},"label":"nothing","reason":"timeout"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',12,2896344135,'{"t":"Intended","v":1,"at":[1795395867.5393443,25655.366823972,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":6},"after":{"entry":7},"commands":["say"],"command_entries":[6],"digests":{"6":"06eae1c157d496fe7885efe12e332dba656b8262339184514ce57d731a312bfb"},"replay_class":"heard","shortest_s":0.9230769230769231,"longest_s":3.666666666666667,"read_timeout_s":8.666666666666668,"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',13,485990491,'{"t":"Concluded","v":1,"at":[1795395867.6240256,25655.451505475,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395867.5414484,25655.368928408,"c64d275b"],"status":200,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":13.0},"results":[{"command":"say"}],"clock_skew_s":-0.12402558326721191}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',14,3832697456,'{"t":"EndDecided","v":1,"at":[1795395867.6242914,25655.451771108,"c64d275b"],"status":"completed","result":"nothing"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',15,1839002831,'{"t":"Intended","v":1,"at":[1795395867.6243644,25655.451843943,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":7},"after":{"entry":7},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',16,579563673,'{"t":"Concluded","v":1,"at":[1795395867.6278973,25655.455377221,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395867.6265495,25655.454029406,"c64d275b"],"status":200,"call":{"call_id":"d56bd3a5-2e07-4118-a21e-a767011f1bb6","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395866.0,"duration_s":13.0},"clock_skew_s":-0.1278972625732422}');
INSERT INTO "records" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0',17,3047317965,'{"t":"RunEnded","v":1,"at":[1795395867.6280372,25655.455516752,"c64d275b"],"status":"completed","disposition":"completed","result":"nothing"}');
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
INSERT INTO "runs" VALUES('2e24161b-0ef8-4603-b1d3-56dfa472c1c0','reminder','+12125550101',NULL,NULL,1795395866.87418,25654.701659802,'c64d275b','completed','completed',1,'d56bd3a5-2e07-4118-a21e-a767011f1bb6',0,NULL,NULL,1.79539586762834668153e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
