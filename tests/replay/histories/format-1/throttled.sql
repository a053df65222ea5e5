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
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',1,3297084649,'{"t":"RunStarted","v":1,"at":[1795395885.0351741,25672.862653958,"c64d275b"],"run_id":"efd3be98-3531-4ceb-a75b-cb7066e201db","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:34975","account":"3f87af26d621d348"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',2,1540055155,'{"t":"Intended","v":1,"at":[1795395885.0523267,25672.8798064,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395888.0}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',3,3969381411,'{"t":"Concluded","v":1,"at":[1795395885.0640166,25672.891496416,"c64d275b"],"outcome":"throttled","reason":"the API answered 429 (too many requests): Too Many Requests","first_byte":[1795395885.0623462,25672.889826266,"c64d275b"],"status":429,"clock_skew_s":0.43598341941833496}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',4,2660205248,'{"t":"Waited","v":1,"at":[1795395885.0642946,25672.891774235,"c64d275b"],"wake":[1795395885.3914673,25673.218946966117,"c64d275b"],"why":"the API answered 429 (too many requests): Too Many Requests"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',5,1418781404,'{"t":"Intended","v":1,"at":[1795395885.3917418,25673.219222448,"c64d275b"],"operation":"create","attempt":2,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395888.0}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',6,3179522886,'{"t":"Concluded","v":1,"at":[1795395885.4466522,25673.274132119,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395885.3938472,25673.221327011,"c64d275b"],"status":201,"call":{"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395885.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.05334782600402832}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',7,3692950146,'{"t":"Intended","v":1,"at":[1795395885.4468923,25673.274372007,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',8,625228085,'{"t":"Concluded","v":1,"at":[1795395885.4506912,25673.278171476,"c64d275b"],"outcome":"throttled","reason":"the API answered 429 (too many requests): Too Many Requests","first_byte":[1795395885.4494717,25673.276952232,"c64d275b"],"status":429,"clock_skew_s":0.04930877685546875}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',9,993476069,'{"t":"Waited","v":1,"at":[1795395885.4509425,25673.278422061,"c64d275b"],"wake":[1795395885.8951821,25673.72266162882,"c64d275b"],"why":"the API answered 429 (too many requests): Too Many Requests"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',10,1580798925,'{"t":"Intended","v":1,"at":[1795395885.8954494,25673.722929051,"c64d275b"],"operation":"command","attempt":2,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',11,3302911783,'{"t":"Concluded","v":1,"at":[1795395886.0194805,25673.846960255,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395885.8971121,25673.72459212,"c64d275b"],"status":200,"call":{"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395885.0,"duration_s":11.0},"results":[{"command":"say"}],"clock_skew_s":0.48051953315734863}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',12,1936992738,'{"t":"Intended","v":1,"at":[1795395886.0197296,25673.847209427,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',13,1357899038,'{"t":"Concluded","v":1,"at":[1795395886.1549397,25673.982419478,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395886.0215907,25673.849070585,"c64d275b"],"status":200,"call":{"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395885.0,"duration_s":14.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}],"clock_skew_s":0.3450603485107422}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',14,3543042336,'{"t":"Branched","v":1,"at":[1795395886.1551938,25673.982673665,"c64d275b"],"kind":"switch","entry":3,"target":{"entry":4},"label":"confirmed","digest":"8c7cc400e9a9392ccf576181ed0ec954d1aff3b4af5cb1af9a4672ec9cbc6275","reason":"a case"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',15,134742892,'{"t":"Intended","v":1,"at":[1795395886.1553237,25673.982803393,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["say"],"command_entries":[4],"digests":{"4":"5ab97b450e8e3e6bb932b37198a643f0fb059739021dff179bb9b78afba673c3"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":7.333333333333334,"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',16,688964746,'{"t":"Concluded","v":1,"at":[1795395886.199101,25674.026580929,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395886.1570787,25673.984558587,"c64d275b"],"status":200,"call":{"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395885.0,"duration_s":15.0},"results":[{"command":"say"}],"clock_skew_s":0.30089902877807617}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',17,842759834,'{"t":"EndDecided","v":1,"at":[1795395886.199339,25674.026818583,"c64d275b"],"status":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',18,2244649879,'{"t":"Intended","v":1,"at":[1795395886.1994076,25674.026887169,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":5},"after":{"entry":5},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',19,1327539556,'{"t":"Concluded","v":1,"at":[1795395886.20225,25674.029729961,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395886.201183,25674.028662725,"c64d275b"],"status":200,"call":{"call_id":"fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395885.0,"duration_s":15.0},"clock_skew_s":0.29774999618530273}');
INSERT INTO "records" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db',20,3309230157,'{"t":"RunEnded","v":1,"at":[1795395886.2023861,25674.029865732,"c64d275b"],"status":"completed","disposition":"completed","result":"confirmed"}');
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
INSERT INTO "runs" VALUES('efd3be98-3531-4ceb-a75b-cb7066e201db','reminder','+12125550101',NULL,NULL,1.79539588503517413137e+09,25672.862653958,'c64d275b','completed','completed',1,'fa6a5fcf-6e8e-4fb1-bcaf-66b2ff4a190e',0,NULL,NULL,1.79539588620267820361e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
