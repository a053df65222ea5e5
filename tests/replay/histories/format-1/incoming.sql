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
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',1,1555641036,'{"t":"RunStarted","v":1,"at":[1795395911.6026661,25699.430146003,"c64d275b"],"run_id":"7d31b518-6624-4bc5-9265-c21165129fc2","script_name":"desk","script_digest":"18d29ba506a06bcfd89b1be02968d0a353c0887e34596e6c18011e5e8d65ae2a","script_source":"version: 1\nname: desk\ncommands:\n  - answer: {}\n  - say: {text: \"Thank you for calling {{ to }}.\"}\n  - get_dtmf: {timeout: 8, commands: [{say: {text: \"Press one for the shop.\"}}]}\n    save: choice\n    on_failure: {then: bye}\n  - say: {text: \"You have pressed {{ choice }}.\"}\n  - id: bye\n    hangup: {}\n","script_masked":false,"script_path":"/tmp/history/desk.yaml","to":"+15555550100","from_":"+15555550123","variables":{"to":"+15555550100","from":"+15555550123"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":60.0,"on_several":"end","settle_heard_s":3.0,"settle_dangerous_s":60.0,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:34163","account":"cbbfd9eec87d485f","call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"ringing","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":0.0}}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',2,2564039161,'{"t":"Intended","v":1,"at":[1795395911.6142879,25699.441767426,"c64d275b"],"operation":"command","attempt":1,"start":{},"after":{"entry":1},"commands":["answer"],"command_entries":[0],"digests":{"0":"038dc88f9076e951b68b1a44f7b1f46694874adf63d05c02080e2370aeb27b03"},"longest_s":1.0,"read_timeout_s":6.0,"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',3,748299587,'{"t":"Concluded","v":1,"at":[1795395911.6175091,25699.444989232,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395911.6164477,25699.443928329,"c64d275b"],"status":200,"call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"ready","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":0.0},"results":[{"command":"answer"}],"clock_skew_s":-0.11750912666320801}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',4,1375449881,'{"t":"Intended","v":1,"at":[1795395911.6176867,25699.445166582,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"30b998183df7b910df7a265c910f753df3ab2410e035534a4d73123f941da038"},"replay_class":"heard","shortest_s":1.1538461538461537,"longest_s":12.333333333333336,"read_timeout_s":17.333333333333336,"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',5,3104058590,'{"t":"Concluded","v":1,"at":[1795395911.7213528,25699.548832484,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395911.6193535,25699.446833612,"c64d275b"],"status":200,"call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"ready","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":2.0},"results":[{"command":"say"}],"clock_skew_s":-0.22135281562805176}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',6,2780163310,'{"t":"Intended","v":1,"at":[1795395911.7216136,25699.549093122,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"d1db7860099bd0dee633cc5139db5b0931374efcc134442e076c3fd7731b99fc"},"saves":"choice","replay_class":"asks","longest_s":13.333333333333334,"read_timeout_s":18.333333333333336,"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',7,3914089702,'{"t":"Concluded","v":1,"at":[1795395911.8763824,25699.703862242,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395911.723006,25699.550486039,"c64d275b"],"status":200,"call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"ready","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":5.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}],"clock_skew_s":-0.37638235092163086}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',8,3677617706,'{"t":"Intended","v":1,"at":[1795395911.8767686,25699.704248181,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":3},"after":{"entry":4},"commands":["say"],"command_entries":[3],"digests":{"3":"7122cdf84ba3c9a1654c3737476b8735be9a3109702331cf772c94a78ca0d7ac"},"replay_class":"heard","shortest_s":0.9230769230769231,"longest_s":4.333333333333334,"read_timeout_s":9.333333333333334,"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',9,2820318707,'{"t":"Concluded","v":1,"at":[1795395911.9612954,25699.788775427,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395911.8788364,25699.706316287,"c64d275b"],"status":200,"call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"ready","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":6.0},"results":[{"command":"say"}],"clock_skew_s":-0.46129536628723145}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',10,641828590,'{"t":"Intended","v":1,"at":[1795395911.9615786,25699.789058261,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["hangup"],"command_entries":[4],"digests":{"4":"59119ee3ef34f933b3106de7827e86f4163d021996087ef5a06fb47a2c74ddfd"},"longest_s":1.0,"read_timeout_s":6.0,"fell_into":["bye"],"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',11,438732798,'{"t":"Concluded","v":1,"at":[1795395911.9650304,25699.792510305,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395911.9634929,25699.790972634,"c64d275b"],"status":200,"call":{"call_id":"37121bb8-8bd4-4c61-b5ff-a66f8bb753d4","status":"hangup","hangup_cause":"command","to":"+15555550100","from_":"+15555550123","created_epoch":1795395911.0,"duration_s":6.0},"results":[{"command":"hangup"}],"clock_skew_s":-0.4650304317474365}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',12,3668604469,'{"t":"EndDecided","v":1,"at":[1795395911.965254,25699.792733962,"c64d275b"],"status":"completed"}');
INSERT INTO "records" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2',13,1027054635,'{"t":"RunEnded","v":1,"at":[1795395911.965308,25699.792787609,"c64d275b"],"status":"completed","disposition":"completed"}');
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
INSERT INTO "runs" VALUES('7d31b518-6624-4bc5-9265-c21165129fc2','desk','+15555550100',NULL,'37121bb8-8bd4-4c61-b5ff-a66f8bb753d4',1.79539591160266613959e+09,25699.430146003,'c64d275b','completed','completed',1,'37121bb8-8bd4-4c61-b5ff-a66f8bb753d4',0,NULL,NULL,1.79539591196579504011e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
