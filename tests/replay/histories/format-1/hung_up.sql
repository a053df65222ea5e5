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
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',1,3516146626,'{"t":"RunStarted","v":1,"at":[1795395869.2642024,25657.091682151,"c64d275b"],"run_id":"1d26493b-47eb-4851-9876-4a78ef6c40c0","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:36415","account":"d785fe81e6954075"}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',2,1035241537,'{"t":"Intended","v":1,"at":[1795395869.2720397,25657.099519306,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395872.0}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',3,964644246,'{"t":"Concluded","v":1,"at":[1795395869.3269482,25657.154427944,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395869.2739506,25657.101430344,"c64d275b"],"status":201,"call":{"call_id":"7d6e9b30-5352-4199-aa27-68a78b7d8de9","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395869.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.1730518341064453}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',4,2781737861,'{"t":"Intended","v":1,"at":[1795395869.32725,25657.154729567,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"7d6e9b30-5352-4199-aa27-68a78b7d8de9"}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',5,2623318617,'{"t":"Concluded","v":1,"at":[1795395869.3920996,25657.219579565,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395869.3299026,25657.157383116,"c64d275b"],"status":200,"call":{"call_id":"7d6e9b30-5352-4199-aa27-68a78b7d8de9","status":"hangup","hangup_cause":"remote","to":"+12125550101","from_":"+15555550199","created_epoch":1795395869.0,"duration_s":1.0},"results":[{"command":"say","ok":false,"error":"hangup"}],"clock_skew_s":0.10790038108825684}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',6,1380040963,'{"t":"EndDecided","v":1,"at":[1795395869.3923264,25657.219806046,"c64d275b"],"status":"failed"}');
INSERT INTO "records" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0',7,2182614919,'{"t":"RunEnded","v":1,"at":[1795395869.3923752,25657.219854896,"c64d275b"],"status":"failed","disposition":"hung_up"}');
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
INSERT INTO "runs" VALUES('1d26493b-47eb-4851-9876-4a78ef6c40c0','reminder','+12125550101',NULL,NULL,1.79539586926420235632e+09,25657.091682151,'c64d275b','failed','hung_up',1,'7d6e9b30-5352-4199-aa27-68a78b7d8de9',0,NULL,NULL,1.79539586939296483998e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
