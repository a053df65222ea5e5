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
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',1,233618469,'{"t":"RunStarted","v":1,"at":[1795395874.870661,25662.698141006,"c64d275b"],"run_id":"58e79af8-f1ed-438e-9b72-e94920596dda","script_name":"reminder","script_digest":"08c3aef6ae2e0e3a1dc98822f388174b47f23f371339a308a76e306993b86162","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - send_dtmf: {dtmf: \"*****\"}\n  - say: {text: \"Done.\"}\n","script_masked":true,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:37637","account":"0008edc545763c20"}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',2,1065464312,'{"t":"Intended","v":1,"at":[1795395874.8847744,25662.712254176,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395877.0}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',3,3728908407,'{"t":"Concluded","v":1,"at":[1795395874.9416006,25662.769080361,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395874.8868217,25662.714301843,"c64d275b"],"status":201,"call":{"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395874.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":-0.4416005611419678}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',4,3589601951,'{"t":"Intended","v":1,"at":[1795395874.9419076,25662.769387463,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["send_dtmf"],"command_entries":[1],"digests":{"1":"85a4fba42ee27c419f68efd5bfd4d361604be87c9b9c4455188939e697299f2e"},"replay_class":"dangerous","policy":"stop","shortest_s":0.5,"longest_s":2.0,"read_timeout_s":7.0,"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77"}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',5,1246283198,'{"t":"Concluded","v":1,"at":[1795395874.946754,25662.774235088,"c64d275b"],"outcome":"unknown","reason":"the connection was reset, after the request was sent","first_byte":[1795395874.9454832,25662.772964714,"c64d275b"]}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',6,50989060,'{"t":"Looked","v":1,"at":[1795395874.948906,25662.776385824,"c64d275b"],"began":[1795395874.9471576,25662.774637197,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395874.0,"duration_s":0.0},"clock_skew_s":-0.44890594482421875}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',7,4144358815,'{"t":"Waited","v":1,"at":[1795395874.949042,25662.776521911,"c64d275b"],"wake":[1795395875.248906,25663.076385824,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',8,2657808424,'{"t":"Looked","v":1,"at":[1795395875.2513103,25663.07879014,"c64d275b"],"began":[1795395875.2492726,25663.076752318,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395874.0,"duration_s":6.0},"clock_skew_s":0.2486896514892578}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',9,2491584921,'{"t":"Settled","v":1,"at":[1795395875.251553,25663.07903278,"c64d275b"],"verdict":"undecidable","evidence":"the call is ready, and was never seen running in 0.3 s of 2 looks","then":"stop","call":{"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395874.0,"duration_s":6.0}}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',10,115334798,'{"t":"Intended","v":1,"at":[1795395875.2516878,25663.079167487,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":1},"after":{"entry":1},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","end_reason":"send_dtmf: the call is ready, and was never seen running in 0.3 s of 2 looks"}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',11,2492851886,'{"t":"Concluded","v":1,"at":[1795395875.2544355,25663.081915292,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395875.2532837,25663.080763734,"c64d275b"],"status":200,"call":{"call_id":"e49b5e01-6584-4a48-be47-8dc743397d77","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395874.0,"duration_s":6.0},"clock_skew_s":0.24556446075439453}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',12,2338397003,'{"t":"Resolved","v":1,"at":[1795395876.1130276,25663.940510203,"c64d275b"],"ran":true,"note":"heard them"}');
INSERT INTO "records" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda',13,3777548955,'{"t":"RunEnded","v":1,"at":[1795395876.1171696,25663.944649359,"c64d275b"],"status":"failed","disposition":"unknown","fault":{"code":"resolved","message":"step send_dtmf: a person said so: heard them; the call is gone"}}');
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
INSERT INTO "runs" VALUES('58e79af8-f1ed-438e-9b72-e94920596dda','reminder','+12125550101',NULL,NULL,1.79539587487066102031e+09,25662.698141006,'c64d275b','failed','unknown',1,'e49b5e01-6584-4a48-be47-8dc743397d77',0,NULL,NULL,1.7953958761174471378e+09,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
