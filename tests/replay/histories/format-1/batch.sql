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
INSERT INTO "campaigns" VALUES('script',0,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "contacts" VALUES(1,'4e593477d6ce255774b92e4eed445a98ef3086c5e08ea9df50137598d5c8895d','script','monday','+12125550101','178f9c07a089f548dfc2fa7f8a93e1d78b8ec236d22193cc178eaee63976dc4b','done','b1d7537d-8bb7-477f-a2de-61f8fa0555fa',1,NULL,'completed','confirmed',NULL,'e08b60e9-0a21-4ec3-93df-658387ed6356',1.7953959139583745003e+09,1.79539591433467459686e+09);
INSERT INTO "contacts" VALUES(2,'ba99895f5ec528edf6634156dbfea14595c3d1befa342b02528283567ad294da','script','monday','+12125550102','58d9ecdb571c07614dbe3d5d42c3596ef3b4e0435b152ebee6603236f248e64d','done','e9b291cc-0f34-49b6-a977-efd14a413855',1,NULL,'busy',NULL,NULL,'95d4ce4f-23f6-4400-b86b-414c645e1287',1.79539591396166801451e+09,1.79539591402097463606e+09);
INSERT INTO "contacts" VALUES(3,'bf18b25ef858eadb1bdb52a7b038472a0b95abb040c24e4d10900ee73f3183a6','script','monday','+12125550103','d9031a466ada7ff0ee4c0e29dc06025d0b49d0c48c2729fef506500860da6ff9','done','840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',1,NULL,'completed','nothing',NULL,'2bb6a148-d2a8-46e4-a70c-320d4ee8992f',1.7953959139652194977e+09,1.79539591470705604554e+09);
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
INSERT INTO "occurrences" VALUES(1,'script','monday','21cb2d896fc9e330a37365000bec4e3d0b57432d8f05e597cebb9eceed3cd6fc',1.79539591393911242486e+09);
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
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',1,1099150880,'{"t":"RunStarted","v":1,"at":[1795395913.9583745,25701.785854247,"c64d275b"],"run_id":"b1d7537d-8bb7-477f-a2de-61f8fa0555fa","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"who":"Anna","to":"+12125550101"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:36379","account":"17d883faffd2d273"}');
INSERT INTO "records" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855',1,1426051365,'{"t":"RunStarted","v":1,"at":[1795395913.961668,25701.789147909,"c64d275b"],"run_id":"e9b291cc-0f34-49b6-a977-efd14a413855","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550102","from_":"+15555550199","variables":{"who":"Ben","to":"+12125550102"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:36379","account":"17d883faffd2d273"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',2,109752369,'{"t":"Intended","v":1,"at":[1795395913.963177,25701.790656582,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395916.0}');
INSERT INTO "records" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855',2,1063102232,'{"t":"Intended","v":1,"at":[1795395913.9640868,25701.791566533,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395916.0}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',1,1526741809,'{"t":"RunStarted","v":1,"at":[1795395913.9652195,25701.792699454,"c64d275b"],"run_id":"840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550103","from_":"+15555550199","variables":{"who":"Cleo","to":"+12125550103"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:36379","account":"17d883faffd2d273"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',2,2266204519,'{"t":"Intended","v":1,"at":[1795395913.9672546,25701.794734168,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395916.0}');
INSERT INTO "records" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855',3,736956721,'{"t":"Concluded","v":1,"at":[1795395914.0199735,25701.847453485,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395913.967936,25701.795416911,"c64d275b"],"status":201,"call":{"call_id":"95d4ce4f-23f6-4400-b86b-414c645e1287","status":"hangup","hangup_cause":"busy","to":"+12125550102","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":0.0},"results":[{"command":"dial","ok":false,"error":"busy"}],"clock_skew_s":0.4800264835357666}');
INSERT INTO "records" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855',4,379090402,'{"t":"EndDecided","v":1,"at":[1795395914.0209153,25701.848394909,"c64d275b"],"status":"failed"}');
INSERT INTO "records" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855',5,3862301157,'{"t":"RunEnded","v":1,"at":[1795395914.0209746,25701.848454246,"c64d275b"],"status":"failed","disposition":"busy"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',3,2030907556,'{"t":"Concluded","v":1,"at":[1795395914.0220218,25701.84950177,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395913.9693356,25701.796816831,"c64d275b"],"status":201,"call":{"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.4779782295227051}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',4,54363599,'{"t":"Intended","v":1,"at":[1795395914.0221314,25701.849611171,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',3,1474236864,'{"t":"Concluded","v":1,"at":[1795395914.0224388,25701.849918371,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395913.9699514,25701.797432518,"c64d275b"],"status":201,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"ready","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.47756123542785645}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',4,258054489,'{"t":"Intended","v":1,"at":[1795395914.022504,25701.849983911,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',5,699044777,'{"t":"Concluded","v":1,"at":[1795395914.1502533,25701.977733048,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.0261123,25701.853592299,"c64d275b"],"status":200,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"ready","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":2.0},"results":[{"command":"say"}],"clock_skew_s":0.3497467041015625}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',6,934347870,'{"t":"Intended","v":1,"at":[1795395914.150541,25701.978020741,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',5,2607691901,'{"t":"Concluded","v":1,"at":[1795395914.1513278,25701.978807537,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.0264137,25701.85389347,"c64d275b"],"status":200,"call":{"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":2.0},"results":[{"command":"say"}],"clock_skew_s":0.34867215156555176}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',6,2564490943,'{"t":"Intended","v":1,"at":[1795395914.1514614,25701.978941014,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',7,4186265642,'{"t":"Concluded","v":1,"at":[1795395914.2864778,25702.113957676,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.1538138,25701.981293627,"c64d275b"],"status":200,"call":{"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":5.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}],"clock_skew_s":0.21352219581604004}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',8,2115449172,'{"t":"Branched","v":1,"at":[1795395914.2867804,25702.114260144,"c64d275b"],"kind":"switch","entry":3,"target":{"entry":4},"label":"confirmed","digest":"8c7cc400e9a9392ccf576181ed0ec954d1aff3b4af5cb1af9a4672ec9cbc6275","reason":"a case"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',9,1099320455,'{"t":"Intended","v":1,"at":[1795395914.2869406,25702.114420361,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["say"],"command_entries":[4],"digests":{"4":"5ab97b450e8e3e6bb932b37198a643f0fb059739021dff179bb9b78afba673c3"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":7.333333333333334,"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',10,2012211262,'{"t":"Concluded","v":1,"at":[1795395914.331414,25702.158893965,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.2892897,25702.116769606,"c64d275b"],"status":200,"call":{"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":6.0},"results":[{"command":"say"}],"clock_skew_s":0.16858601570129395}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',11,1924528714,'{"t":"EndDecided","v":1,"at":[1795395914.3316815,25702.159161361,"c64d275b"],"status":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',12,2262449971,'{"t":"Intended","v":1,"at":[1795395914.3317468,25702.159226361,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":5},"after":{"entry":5},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',13,597057987,'{"t":"Concluded","v":1,"at":[1795395914.3345315,25702.162011486,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.3334193,25702.160899232,"c64d275b"],"status":200,"call":{"call_id":"e08b60e9-0a21-4ec3-93df-658387ed6356","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":6.0},"clock_skew_s":0.16546845436096191}');
INSERT INTO "records" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa',14,3962481045,'{"t":"RunEnded","v":1,"at":[1795395914.3346746,25702.16215427,"c64d275b"],"status":"completed","disposition":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',7,2129663947,'{"t":"Concluded","v":1,"at":[1795395914.3853445,25702.212824587,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.152901,25701.980380849,"c64d275b"],"status":200,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"ready","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":7.0},"results":[{"command":"get_dtmf","ok":false,"error":"timeout"}],"clock_skew_s":0.1146554946899414}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',8,2877540433,'{"t":"Branched","v":1,"at":[1795395914.3856034,25702.213083095,"c64d275b"],"kind":"retry","entry":2,"target":{"entry":2},"reason":"timeout"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',9,1942223519,'{"t":"Intended","v":1,"at":[1795395914.385668,25702.213147638,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',10,3152590753,'{"t":"Concluded","v":1,"at":[1795395914.6193497,25702.446829791,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.3874087,25702.21488852,"c64d275b"],"status":200,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"ready","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":11.0},"results":[{"command":"get_dtmf","ok":false,"error":"timeout"}],"clock_skew_s":-0.11934971809387207}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',11,3602220699,'{"t":"Branched","v":1,"at":[1795395914.6197176,25702.44719733,"c64d275b"],"kind":"on_failure","entry":2,"target":{"entry":6},"label":"nothing","reason":"timeout"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',12,99641347,'{"t":"Intended","v":1,"at":[1795395914.6198103,25702.447289969,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":6},"after":{"entry":7},"commands":["say"],"command_entries":[6],"digests":{"6":"06eae1c157d496fe7885efe12e332dba656b8262339184514ce57d731a312bfb"},"replay_class":"heard","shortest_s":0.9230769230769231,"longest_s":3.666666666666667,"read_timeout_s":8.666666666666668,"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',13,1579557543,'{"t":"Concluded","v":1,"at":[1795395914.703498,25702.530977864,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.621332,25702.44881191,"c64d275b"],"status":200,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"ready","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":13.0},"results":[{"command":"say"}],"clock_skew_s":-0.20349788665771484}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',14,470953183,'{"t":"EndDecided","v":1,"at":[1795395914.703756,25702.531235624,"c64d275b"],"status":"completed","result":"nothing"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',15,2932245537,'{"t":"Intended","v":1,"at":[1795395914.7038221,25702.531301858,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":7},"after":{"entry":7},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',16,411005311,'{"t":"Concluded","v":1,"at":[1795395914.706922,25702.534401826,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395914.7055976,25702.533077768,"c64d275b"],"status":200,"call":{"call_id":"2bb6a148-d2a8-46e4-a70c-320d4ee8992f","status":"hangup","hangup_cause":"command","to":"+12125550103","from_":"+15555550199","created_epoch":1795395913.0,"duration_s":13.0},"clock_skew_s":-0.20692205429077148}');
INSERT INTO "records" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5',17,1492449235,'{"t":"RunEnded","v":1,"at":[1795395914.707056,25702.534535798,"c64d275b"],"status":"completed","disposition":"completed","result":"nothing"}');
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
INSERT INTO "runs" VALUES('b1d7537d-8bb7-477f-a2de-61f8fa0555fa','reminder','+12125550101','4e593477d6ce255774b92e4eed445a98ef3086c5e08ea9df50137598d5c8895d',NULL,1.7953959139583745003e+09,25701.785854247,'c64d275b','completed','completed',1,'e08b60e9-0a21-4ec3-93df-658387ed6356',0,NULL,NULL,1795395914.33484,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('e9b291cc-0f34-49b6-a977-efd14a413855','reminder','+12125550102','ba99895f5ec528edf6634156dbfea14595c3d1befa342b02528283567ad294da',NULL,1.79539591396166801451e+09,25701.789147909,'c64d275b','failed','busy',1,'95d4ce4f-23f6-4400-b86b-414c645e1287',0,NULL,NULL,1.79539591402269649508e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "runs" VALUES('840c0f3d-c0d5-4c79-8c7b-8dfbd06c05f5','reminder','+12125550103','bf18b25ef858eadb1bdb52a7b038472a0b95abb040c24e4d10900ee73f3183a6',NULL,1.7953959139652194977e+09,25701.792699454,'c64d275b','completed','completed',1,'2bb6a148-d2a8-46e4-a70c-320d4ee8992f',0,NULL,NULL,1.79539591470722556107e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
