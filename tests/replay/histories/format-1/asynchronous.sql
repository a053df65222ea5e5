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
INSERT INTO "inbox" VALUES(5,'38d17f4d-b7b5-4306-8e7a-883e027d6fb7','{"t":"EventReceived","v":1,"at":[1795395909.8658412,25697.693324182,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":49.0}}');
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
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',1,3234237402,'{"t":"RunStarted","v":1,"at":[1795395907.3124235,25695.139903099,"c64d275b"],"run_id":"38d17f4d-b7b5-4306-8e7a-883e027d6fb7","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"async","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":true},"api_url":"http://127.0.0.1:42777","account":"521cafe05978fa0c"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',2,2683507305,'{"t":"Intended","v":1,"at":[1795395907.3227804,25695.150260314,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":15.0,"expires_wall":1795395910.0,"asynchronous":true,"expected_s":10.0}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',3,1044852622,'{"t":"Concluded","v":1,"at":[1795395907.3268063,25695.154286237,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395907.3250263,25695.152506591,"c64d275b"],"status":202,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"dialing","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":0.0},"clock_skew_s":0.17319369316101074}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',4,216586576,'{"t":"Waited","v":1,"at":[1795395907.3269582,25695.154437612,"c64d275b"],"wake":[1795395909.3268063,25697.154286237,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',5,1010060628,'{"t":"EventReceived","v":1,"at":[1795395907.3785048,25695.205988534,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":0.0},"results":[{"command":"dial"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',6,478533567,'{"t":"EventReceived","v":1,"at":[1795395907.3785048,25695.205988534,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":0.0},"results":[{"command":"dial"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',7,2239935148,'{"t":"Looked","v":1,"at":[1795395907.8273423,25695.654822194,"c64d275b"],"began":[1795395907.8251953,25695.652674929,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":9.0},"clock_skew_s":-0.32734227180480957}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',8,2667083021,'{"t":"Intended","v":1,"at":[1795395907.8277602,25695.655239811,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":15.0,"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","asynchronous":true,"expected_s":2.4000000000000004}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',9,3673160456,'{"t":"Concluded","v":1,"at":[1795395907.8320851,25695.659565014,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395907.8305385,25695.658018484,"c64d275b"],"status":202,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":9.0},"clock_skew_s":-0.33208513259887695}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',10,2219434027,'{"t":"Waited","v":1,"at":[1795395907.8322403,25695.659720105,"c64d275b"],"wake":[1795395909.2167006,25697.044180398618,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',11,3862346167,'{"t":"EventReceived","v":1,"at":[1795395907.9545252,25695.782008239,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":11.0},"results":[{"command":"say"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',12,3330745180,'{"t":"EventReceived","v":1,"at":[1795395907.9545252,25695.782008239,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":11.0},"results":[{"command":"say"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',13,895040033,'{"t":"Looked","v":1,"at":[1795395907.9782312,25695.805711099,"c64d275b"],"began":[1795395907.9767463,25695.804225953,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":12.0},"clock_skew_s":-0.47823119163513184}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',14,4053975660,'{"t":"Waited","v":1,"at":[1795395907.97854,25695.806019668,"c64d275b"],"wake":[1795395909.2167008,25697.044180398618,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',15,3902365553,'{"t":"Looked","v":1,"at":[1795395909.219777,25697.047257229,"c64d275b"],"began":[1795395909.2170858,25697.044565754,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":36.0},"clock_skew_s":0.28022289276123047}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',16,2315958168,'{"t":"Intended","v":1,"at":[1795395909.2201605,25697.047640125,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":15.0,"fell_into":["ask"],"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","asynchronous":true,"expected_s":5.0}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',17,1892255001,'{"t":"Concluded","v":1,"at":[1795395909.2232156,25697.050695432,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395909.2221231,25697.049603146,"c64d275b"],"status":202,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":36.0},"clock_skew_s":0.27678442001342773}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',18,3776013264,'{"t":"Waited","v":1,"at":[1795395909.223343,25697.050822532,"c64d275b"],"wake":[1795395914.2232156,25702.050695432,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',19,1855842592,'{"t":"EventReceived","v":1,"at":[1795395909.35433,25697.181812058,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":39.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',20,3921607395,'{"t":"EventReceived","v":1,"at":[1795395909.35433,25697.181812058,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":39.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',21,39027654,'{"t":"Looked","v":1,"at":[1795395909.394337,25697.2218169,"c64d275b"],"began":[1795395909.3927271,25697.220206907,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":40.0},"clock_skew_s":0.10566306114196777}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',22,3302796164,'{"t":"Branched","v":1,"at":[1795395909.394698,25697.222177573,"c64d275b"],"kind":"switch","entry":3,"target":{"entry":4},"label":"confirmed","digest":"8c7cc400e9a9392ccf576181ed0ec954d1aff3b4af5cb1af9a4672ec9cbc6275","reason":"a case"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',23,3050163191,'{"t":"Intended","v":1,"at":[1795395909.3948307,25697.222310272,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["say"],"command_entries":[4],"digests":{"4":"5ab97b450e8e3e6bb932b37198a643f0fb059739021dff179bb9b78afba673c3"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":15.0,"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","asynchronous":true,"expected_s":0.8}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',24,2136239351,'{"t":"Concluded","v":1,"at":[1795395909.398342,25697.225822041,"c64d275b"],"outcome":"done","reason":"the API answered 202","first_byte":[1795395909.3971844,25697.224664313,"c64d275b"],"status":202,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"in-progress","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":40.0},"clock_skew_s":0.10165810585021973}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',25,2353351461,'{"t":"Waited","v":1,"at":[1795395909.3984942,25697.225973789,"c64d275b"],"wake":[1795395909.8598804,25697.68736050254,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',26,711834930,'{"t":"EventReceived","v":1,"at":[1795395909.4400494,25697.267531617,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":41.0},"results":[{"command":"say"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',27,2200815956,'{"t":"EventReceived","v":1,"at":[1795395909.4400494,25697.267531617,"c64d275b"],"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":41.0},"results":[{"command":"say"}]}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',28,112008885,'{"t":"Looked","v":1,"at":[1795395909.4443686,25697.271848611,"c64d275b"],"began":[1795395909.4432096,25697.270689404,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":41.0},"clock_skew_s":0.055631399154663086}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',29,85267217,'{"t":"Waited","v":1,"at":[1795395909.4447215,25697.272201089,"c64d275b"],"wake":[1795395909.8598807,25697.68736050254,"c64d275b"],"why":"for the acknowledged step to end"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',30,1741866461,'{"t":"Looked","v":1,"at":[1795395909.8619215,25697.689401305,"c64d275b"],"began":[1795395909.8602874,25697.687767197,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":49.0},"clock_skew_s":-0.3619215488433838}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',31,2402522701,'{"t":"EndDecided","v":1,"at":[1795395909.8622086,25697.689688206,"c64d275b"],"status":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',32,1050406117,'{"t":"Intended","v":1,"at":[1795395909.8622694,25697.689749154,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":5},"after":{"entry":5},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',33,1964127450,'{"t":"Concluded","v":1,"at":[1795395909.865813,25697.693292908,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395909.8642066,25697.691686376,"c64d275b"],"status":200,"call":{"call_id":"4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395907.0,"duration_s":49.0},"clock_skew_s":-0.3658130168914795}');
INSERT INTO "records" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7',34,814267679,'{"t":"RunEnded","v":1,"at":[1795395909.8659465,25697.693426213,"c64d275b"],"status":"completed","disposition":"completed","result":"confirmed"}');
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
INSERT INTO "runs" VALUES('38d17f4d-b7b5-4306-8e7a-883e027d6fb7','reminder','+12125550101',NULL,NULL,1.79539590731242346762e+09,25695.139903099,'c64d275b','completed','completed',1,'4679a09d-aa4a-4e9a-8e9d-6d0dbcc5614e',0,NULL,NULL,1.79539590986741185189e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('inbox',5);
COMMIT;
