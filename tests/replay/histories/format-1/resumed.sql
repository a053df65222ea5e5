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
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',1,3380793671,'{"t":"RunStarted","v":1,"at":[1795395892.7481263,25680.575606013,"c64d275b"],"run_id":"d2d7ec20-ee42-4a62-927e-1ec4e003e4fa","script_name":"reminder","script_digest":"c6b98b4c4f56951a008e4a87dfa37e25f1f0eff208b44660d07b4d07a29f1e37","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"This sentence takes a while, so that something can happen in its middle, as things do.\"}\n  - say: {text: \"Goodbye {{ who }}.\"}\n  - hangup: {}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:45409","account":"300914ba96c4d628"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',2,2034061113,'{"t":"Intended","v":1,"at":[1795395892.7649057,25680.592385321,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395895.0}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',3,913800585,'{"t":"Concluded","v":1,"at":[1795395893.0232456,25680.850725379,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395892.7698417,25680.597323614,"c64d275b"],"status":201,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.47675442695617676}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',4,1303010083,'{"t":"Intended","v":1,"at":[1795395893.0235724,25680.851052208,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"b3da024b5034021acad05b31e3b8489fa912d8f57b50ed73deb136c5b80c7fb9"},"replay_class":"heard","shortest_s":3.6923076923076925,"longest_s":11.666666666666668,"read_timeout_s":16.666666666666668,"call_id":"effeee0f-5c34-4541-b167-846a16214b93"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',5,4119786698,'{"t":"Resumed","v":1,"at":[1795395893.5327091,25681.360191016,"c64d275b"],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:45409","account":"300914ba96c4d628","dial_by":[1795396252.7481263,26040.575606013,"c64d275b"]}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',6,1270734662,'{"t":"Looked","v":1,"at":[1795395893.538038,25681.365518036,"c64d275b"],"began":[1795395893.5344138,25681.36189361,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":2.0},"clock_skew_s":-0.038038015365600586}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',7,2537365148,'{"t":"Waited","v":1,"at":[1795395893.5382104,25681.365690064,"c64d275b"],"wake":[1795395893.838038,25681.665518036,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',8,1684226673,'{"t":"Looked","v":1,"at":[1795395893.8403723,25681.667851985,"c64d275b"],"began":[1795395893.83839,25681.665869889,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":3.0},"clock_skew_s":-0.34037232398986816}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',9,463594180,'{"t":"Waited","v":1,"at":[1795395893.8406413,25681.668121159,"c64d275b"],"wake":[1795395894.4403722,25682.267851984998,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',10,1325955649,'{"t":"Looked","v":1,"at":[1795395894.4425905,25682.270070369,"c64d275b"],"began":[1795395894.440758,25682.268237817,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":5.0},"clock_skew_s":0.05740952491760254}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',11,352972469,'{"t":"Waited","v":1,"at":[1795395894.4428136,25682.270293479,"c64d275b"],"wake":[1795395895.6425905,25683.470070369,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',12,548407452,'{"t":"Looked","v":1,"at":[1795395895.6449568,25683.472436656,"c64d275b"],"began":[1795395895.6429567,25683.47043667,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":10.0},"clock_skew_s":-0.1449568271636963}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',13,3015309054,'{"t":"Settled","v":1,"at":[1795395895.6451957,25683.472675364,"c64d275b"],"verdict":"ran","evidence":"the call was seen in-progress after sending, and ready later","then":"go_on","call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":10.0}}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',14,2400230187,'{"t":"Intended","v":1,"at":[1795395895.6453235,25683.472803113,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["say"],"command_entries":[2],"digests":{"2":"4bc60cc807ab5250f3602bc4f0a07878ee15af93ead9508b938e6ddc8025801d"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":7.333333333333334,"call_id":"effeee0f-5c34-4541-b167-846a16214b93"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',15,1169185331,'{"t":"Concluded","v":1,"at":[1795395895.8511863,25683.678666099,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395895.6479821,25683.475461856,"c64d275b"],"status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":11.0},"results":[{"command":"say"}],"clock_skew_s":-0.35118627548217773}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',16,2255966887,'{"t":"Intended","v":1,"at":[1795395895.8514454,25683.67892509,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":3},"after":{"entry":4},"commands":["hangup"],"command_entries":[3],"digests":{"3":"f36512d10a6261cbbb93a6884a4f41afbefebf70d20ea3b75f0a8762807b19ce"},"longest_s":1.0,"read_timeout_s":6.0,"call_id":"effeee0f-5c34-4541-b167-846a16214b93"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',17,3615093046,'{"t":"Concluded","v":1,"at":[1795395895.8555703,25683.683050308,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395895.8541462,25683.681626207,"c64d275b"],"status":200,"call":{"call_id":"effeee0f-5c34-4541-b167-846a16214b93","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395892.0,"duration_s":11.0},"results":[{"command":"hangup"}],"clock_skew_s":-0.35557031631469727}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',18,1413019706,'{"t":"EndDecided","v":1,"at":[1795395895.855785,25683.68326464,"c64d275b"],"status":"completed"}');
INSERT INTO "records" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa',19,3254724634,'{"t":"RunEnded","v":1,"at":[1795395895.8558445,25683.683324198,"c64d275b"],"status":"completed","disposition":"completed"}');
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
INSERT INTO "runs" VALUES('d2d7ec20-ee42-4a62-927e-1ec4e003e4fa','reminder','+12125550101',NULL,NULL,1.79539589274812626837e+09,25680.575606013,'c64d275b','completed','completed',1,'effeee0f-5c34-4541-b167-846a16214b93',0,NULL,NULL,1.7953958958562817573e+09,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
