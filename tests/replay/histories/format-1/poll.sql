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
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',1,2872030861,'{"t":"RunStarted","v":1,"at":[1795395901.9495826,25689.777062416,"c64d275b"],"run_id":"e6e25e97-3f96-4a2f-af51-c5633fc4f4c5","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"poll","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:36231","account":"f61c64c7cbe2d8f7"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',2,3062652744,'{"t":"Intended","v":1,"at":[1795395901.9592688,25689.786748576,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":15.0,"expires_wall":1795395904.0,"asynchronous":true,"expected_s":10.0}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',3,1812882569,'{"t":"Concluded","v":1,"at":[1795395901.962815,25689.790294684,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395901.9613109,25689.788790851,"c64d275b"],"status":202,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"dialing","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":0.0},"clock_skew_s":-0.4628150463104248}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',4,3019448000,'{"t":"Waited","v":1,"at":[1795395901.962966,25689.790445554,"c64d275b"],"wake":[1795395902.962815,25690.790294684,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',5,2506643301,'{"t":"Looked","v":1,"at":[1795395902.9648478,25690.792327672,"c64d275b"],"began":[1795395902.9629867,25690.790466368,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":19.0},"clock_skew_s":-0.4648478031158447}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',6,2691515894,'{"t":"Intended","v":1,"at":[1795395902.9651487,25690.792628203,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":15.0,"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","asynchronous":true,"expected_s":2.4000000000000004}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',7,811991976,'{"t":"Concluded","v":1,"at":[1795395902.9683955,25690.795875413,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395902.9672425,25690.794722278,"c64d275b"],"status":202,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":19.0},"clock_skew_s":-0.468395471572876}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',8,2589443691,'{"t":"Waited","v":1,"at":[1795395902.9685788,25690.796058386,"c64d275b"],"wake":[1795395904.353011,25692.18049079762,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',9,1792235960,'{"t":"Looked","v":1,"at":[1795395904.3558667,25692.183346583,"c64d275b"],"began":[1795395904.3533223,25692.180801918,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":46.0},"clock_skew_s":0.1441333293914795}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',10,2402974818,'{"t":"Intended","v":1,"at":[1795395904.3561978,25692.183677643,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","way":"looks at the call do not show its digits"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',11,1086299264,'{"t":"Concluded","v":1,"at":[1795395904.4899435,25692.317423366,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395904.3581557,25692.185635533,"c64d275b"],"status":200,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":49.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}],"clock_skew_s":0.010056495666503906}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',12,3785076396,'{"t":"Branched","v":1,"at":[1795395904.4902,25692.317679904,"c64d275b"],"kind":"switch","entry":3,"target":{"entry":4},"label":"confirmed","digest":"8c7cc400e9a9392ccf576181ed0ec954d1aff3b4af5cb1af9a4672ec9cbc6275","reason":"a case"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',13,1126871879,'{"t":"Intended","v":1,"at":[1795395904.4903457,25692.31782542,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["say"],"command_entries":[4],"digests":{"4":"5ab97b450e8e3e6bb932b37198a643f0fb059739021dff179bb9b78afba673c3"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":15.0,"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","asynchronous":true,"expected_s":0.8}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',14,3714126006,'{"t":"Concluded","v":1,"at":[1795395904.4941156,25692.321595373,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395904.493078,25692.320559514,"c64d275b"],"status":202,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":49.0},"clock_skew_s":0.005884408950805664}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',15,1742552681,'{"t":"Waited","v":1,"at":[1795395904.494261,25692.321740585,"c64d275b"],"wake":[1795395904.9556541,25692.78313383454,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',16,3579214920,'{"t":"Looked","v":1,"at":[1795395904.973062,25692.800584521,"c64d275b"],"began":[1795395904.9559476,25692.783427427,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":59.0},"clock_skew_s":-0.47306203842163086}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',17,3456449499,'{"t":"EndDecided","v":1,"at":[1795395904.975183,25692.802662676,"c64d275b"],"status":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',18,279093237,'{"t":"Intended","v":1,"at":[1795395904.9752307,25692.802710247,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":5},"after":{"entry":5},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',19,827407153,'{"t":"Concluded","v":1,"at":[1795395904.9847984,25692.812278423,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395904.977268,25692.804747864,"c64d275b"],"status":200,"call":{"call_id":"1735c5e3-89d0-481f-90fb-57f3b13206eb","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395901.0,"duration_s":59.0},"clock_skew_s":-0.4847984313964844}');
INSERT INTO "records" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5',20,2392304748,'{"t":"RunEnded","v":1,"at":[1795395904.9849646,25692.812444415,"c64d275b"],"status":"completed","disposition":"completed","result":"confirmed"}');
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
INSERT INTO "runs" VALUES('e6e25e97-3f96-4a2f-af51-c5633fc4f4c5','reminder','+12125550101',NULL,NULL,1.79539590194958257676e+09,25689.777062416,'c64d275b','completed','completed',1,'1735c5e3-89d0-481f-90fb-57f3b13206eb',0,NULL,NULL,1.79539590498533606528e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
