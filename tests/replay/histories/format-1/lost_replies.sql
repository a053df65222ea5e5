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
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',1,2569876883,'{"t":"RunStarted","v":1,"at":[1795395877.7792037,25665.606683307,"c64d275b"],"run_id":"1191d6a5-b281-4c3d-9a22-2382b3e900ce","script_name":"reminder","script_digest":"109cbfd55e8a22a58fbb906df5f16394afa53d013c9ca7563aa2935669b71aa7","script_source":"version: 1\nname: reminder\nvariables: {who: {default: you}}\nsettings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}\ncommands:\n  - dial: {to: \"{{ to }}\", from: \"+15555550199\", timeout: 20}\n  - say: {text: \"Hello {{ who }}, you have an appointment.\"}\n  - id: ask\n    get_dtmf: {timeout: 3, commands: [{say: {text: \"Press 1 to confirm.\"}}]}\n    save: choice\n    on_failure: {retry: 1, then: nothing}\n  - switch: \"{{ choice }}\"\n    cases: {\"1\": confirmed}\n    otherwise: ask\n  - id: confirmed\n    say: {text: \"Thank you.\"}\n  - end: {result: confirmed}\n  - id: nothing\n    say: {text: \"We will call again.\"}\n  - end: {result: nothing}\n","script_masked":false,"script_path":"/tmp/history/script.yaml","to":"+12125550101","from_":"+15555550199","variables":{"to":"+12125550101","who":"you"},"secret_names":[],"settings":{"max_silence_s":20.0,"on_stale":null,"max_call_s":600.0,"max_visits":3,"leave_up":false,"replay_preamble":null,"max_dead_air_s":null,"dial_expire_s":2.0,"on_several":"end","settle_heard_s":0.3,"settle_dangerous_s":0.3,"max_attempts":3,"retry_attempts":5,"retry_total_s":60.0,"api_limits":null,"words_per_minute":150.0,"read_margin_s":5.0,"lease_s":30.0,"grace_s":30.0,"mode":"sync","limit_s":null,"idempotent_for_s":null,"shows_results":false,"hears_events":false},"api_url":"http://127.0.0.1:35973","account":"58c121f996a7fe5c"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',2,2413447113,'{"t":"Intended","v":1,"at":[1795395877.7893624,25665.616842231,"c64d275b"],"operation":"create","attempt":1,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395880.0}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',3,3332528208,'{"t":"Concluded","v":1,"at":[1795395877.7930589,25665.62053897,"c64d275b"],"outcome":"unknown","reason":"the connection was reset, after the request was sent","first_byte":[1795395877.7918558,25665.619336004,"c64d275b"]}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',4,2999873795,'{"t":"Looked","v":1,"at":[1795395877.7945468,25665.622026909,"c64d275b"],"began":[1795395877.7932487,25665.620728428,"c64d275b"],"kind":"list","ok":true,"reason":"the API answered 200","status":200,"complete":true,"clock_skew_s":-0.29454684257507324}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',5,2033752251,'{"t":"Waited","v":1,"at":[1795395877.7947488,25665.622228387,"c64d275b"],"wake":[1795395878.0945468,25665.922026909,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',6,4090364400,'{"t":"Looked","v":1,"at":[1795395878.0979125,25665.925392352,"c64d275b"],"began":[1795395878.0956838,25665.923163639,"c64d275b"],"kind":"list","ok":true,"reason":"the API answered 200","status":200,"complete":true,"clock_skew_s":0.4020874500274658}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',7,1334031423,'{"t":"Waited","v":1,"at":[1795395878.0981164,25665.925596031,"c64d275b"],"wake":[1795395878.6979125,25666.525392352,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',8,1867924321,'{"t":"Looked","v":1,"at":[1795395878.7005074,25666.527987294,"c64d275b"],"began":[1795395878.6984277,25666.525907411,"c64d275b"],"kind":"list","ok":true,"reason":"the API answered 200","status":200,"complete":true,"clock_skew_s":-0.20050740242004395}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',9,1628055134,'{"t":"Waited","v":1,"at":[1795395878.7008,25666.528279818,"c64d275b"],"wake":[1795395879.9005075,25667.727987294,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',10,3330623410,'{"t":"Looked","v":1,"at":[1795395879.9041095,25667.731589352,"c64d275b"],"began":[1795395879.9014869,25667.72896675,"c64d275b"],"kind":"list","ok":true,"reason":"the API answered 200","status":200,"complete":true,"clock_skew_s":-0.40410947799682617}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',11,3970104219,'{"t":"Waited","v":1,"at":[1795395879.9043162,25667.731795905,"c64d275b"],"wake":[1795395881.7041092,25669.531589337355,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',12,3318406679,'{"t":"Waited","v":1,"at":[1795395881.7043886,25669.531868319,"c64d275b"],"wake":[1795395882.3041096,25670.131589352,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',13,2225854688,'{"t":"Looked","v":1,"at":[1795395882.3077776,25670.135257531,"c64d275b"],"began":[1795395882.3044076,25670.131887272,"c64d275b"],"kind":"list","ok":true,"reason":"the API answered 200","status":200,"complete":true,"clock_skew_s":0.19222235679626465}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',14,3381666127,'{"t":"Settled","v":1,"at":[1795395882.3080196,25670.135499432,"c64d275b"],"verdict":"did_not_run","evidence":"no call to \u20260101 in 5 looks at the list, and it can no longer ring","then":"again"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',15,831467965,'{"t":"Intended","v":1,"at":[1795395882.308104,25670.135583559,"c64d275b"],"operation":"create","attempt":2,"start":{},"after":{"entry":1},"commands":["dial"],"command_entries":[0],"digests":{"0":"951ed206324261b46961d8c061869e1c5ba7f0d2181b4e4c7fe326fe24818445"},"replay_class":"forbidden","policy":"stop","longest_s":25.0,"read_timeout_s":30.0,"expires_wall":1795395885.0}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',16,3885270252,'{"t":"Concluded","v":1,"at":[1795395882.363061,25670.19054078,"c64d275b"],"outcome":"done","reason":"the API answered 201","first_byte":[1795395882.310472,25670.137951752,"c64d275b"],"status":201,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":0.0},"results":[{"command":"dial"}],"clock_skew_s":0.13693904876708984}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',17,2162445890,'{"t":"Intended","v":1,"at":[1795395882.3633049,25670.190784665,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',18,3940790042,'{"t":"Concluded","v":1,"at":[1795395882.366603,25670.194083574,"c64d275b"],"outcome":"unknown","reason":"the connection was reset, after the request was sent","first_byte":[1795395882.3656764,25670.193156169,"c64d275b"]}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',19,2791523608,'{"t":"Looked","v":1,"at":[1795395882.3681846,25670.195664527,"c64d275b"],"began":[1795395882.3667839,25670.194263548,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":0.0},"clock_skew_s":0.13181543350219727}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',20,1538544931,'{"t":"Waited","v":1,"at":[1795395882.368305,25670.195784632,"c64d275b"],"wake":[1795395882.6681845,25670.495664527,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',21,394130058,'{"t":"Looked","v":1,"at":[1795395882.670479,25670.497959023,"c64d275b"],"began":[1795395882.668607,25670.496087452,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":6.0},"clock_skew_s":-0.17047905921936035}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',22,1368451682,'{"t":"Settled","v":1,"at":[1795395882.6706762,25670.498155902,"c64d275b"],"verdict":"did_not_run","evidence":"2 looks, closer together than the list is short, all showed the call ready","then":"again","call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":6.0}}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',23,2842503094,'{"t":"Intended","v":1,"at":[1795395882.6707792,25670.498258832,"c64d275b"],"operation":"command","attempt":2,"start":{"entry":1},"after":{"entry":2},"commands":["say"],"command_entries":[1],"digests":{"1":"6e89a49466ca609ed29af31d0383b3d1f927ed03dfcb453b424eaeb1c37dbf7c"},"replay_class":"heard","shortest_s":1.3846153846153846,"longest_s":5.000000000000001,"read_timeout_s":10.0,"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',24,1799050463,'{"t":"Concluded","v":1,"at":[1795395882.794567,25670.622047115,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395882.6726642,25670.50014412,"c64d275b"],"status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":8.0},"results":[{"command":"say"}],"clock_skew_s":-0.2945671081542969}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',25,4222704443,'{"t":"Intended","v":1,"at":[1795395882.7948182,25670.622297728,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"fell_into":["ask"],"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',26,1706537117,'{"t":"Concluded","v":1,"at":[1795395882.7975214,25670.625001931,"c64d275b"],"outcome":"unknown","reason":"the connection was reset, after the request was sent","first_byte":[1795395882.7965076,25670.623987611,"c64d275b"]}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',27,1669654962,'{"t":"Looked","v":1,"at":[1795395882.7994237,25670.626903475,"c64d275b"],"began":[1795395882.797709,25670.625188641,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":8.0},"clock_skew_s":-0.2994236946105957}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',28,975477744,'{"t":"Waited","v":1,"at":[1795395882.7995389,25670.627018623,"c64d275b"],"wake":[1795395883.0994236,25670.926903475,"c64d275b"],"why":"for evidence of what happened to the last request"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',29,587012551,'{"t":"Looked","v":1,"at":[1795395883.1012537,25670.928733426,"c64d275b"],"began":[1795395883.0997355,25670.92721533,"c64d275b"],"kind":"call","ok":true,"reason":"the API answered 200","status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":14.0},"clock_skew_s":0.3987462520599365}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',30,1691509652,'{"t":"Settled","v":1,"at":[1795395883.101472,25670.928951684,"c64d275b"],"verdict":"undecidable","evidence":"the call is ready, and was never seen running in 0.3 s of 2 looks","then":"repeat","call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":14.0}}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',31,2363226685,'{"t":"Intended","v":1,"at":[1795395883.101586,25670.929065726,"c64d275b"],"operation":"command","attempt":2,"start":{"entry":2},"after":{"entry":3},"commands":["get_dtmf"],"command_entries":[2],"digests":{"2":"6ea593fd148d529efa2a7894d8b0a17ea95e4005cc30d37cd309538562083116"},"saves":"choice","replay_class":"asks","longest_s":8.333333333333334,"read_timeout_s":13.333333333333334,"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',32,163101974,'{"t":"Concluded","v":1,"at":[1795395883.2348065,25671.062286371,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395883.1027942,25670.930274016,"c64d275b"],"status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":17.0},"results":[{"command":"get_dtmf","digits":"1","digit_count":1}],"clock_skew_s":0.26519346237182617}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',33,2675581298,'{"t":"Branched","v":1,"at":[1795395883.2350678,25671.062547581,"c64d275b"],"kind":"switch","entry":3,"target":{"entry":4},"label":"confirmed","digest":"8c7cc400e9a9392ccf576181ed0ec954d1aff3b4af5cb1af9a4672ec9cbc6275","reason":"a case"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',34,625734876,'{"t":"Intended","v":1,"at":[1795395883.2352066,25671.062686317,"c64d275b"],"operation":"command","attempt":1,"start":{"entry":4},"after":{"entry":5},"commands":["say"],"command_entries":[4],"digests":{"4":"5ab97b450e8e3e6bb932b37198a643f0fb059739021dff179bb9b78afba673c3"},"replay_class":"heard","shortest_s":0.46153846153846156,"longest_s":2.3333333333333335,"read_timeout_s":7.333333333333334,"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',35,2546193568,'{"t":"Concluded","v":1,"at":[1795395883.2789617,25671.106441543,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395883.2371507,25671.064630746,"c64d275b"],"status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"ready","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":18.0},"results":[{"command":"say"}],"clock_skew_s":0.2210383415222168}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',36,527799712,'{"t":"EndDecided","v":1,"at":[1795395883.279178,25671.106657689,"c64d275b"],"status":"completed","result":"confirmed"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',37,3455476915,'{"t":"Intended","v":1,"at":[1795395883.2792397,25671.106719452,"c64d275b"],"operation":"end","attempt":1,"start":{"entry":5},"after":{"entry":5},"commands":["hangup"],"read_timeout_s":10.0,"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","end_reason":"the script has ended"}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',38,2457063296,'{"t":"Concluded","v":1,"at":[1795395883.2819166,25671.109396646,"c64d275b"],"outcome":"done","reason":"the API answered 200","first_byte":[1795395883.2810128,25671.108492672,"c64d275b"],"status":200,"call":{"call_id":"bee76dee-fe51-4a54-8d11-66cfbde9f395","status":"hangup","hangup_cause":"command","to":"+12125550101","from_":"+15555550199","created_epoch":1795395882.0,"duration_s":18.0},"clock_skew_s":0.21808338165283203}');
INSERT INTO "records" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce',39,1663652065,'{"t":"RunEnded","v":1,"at":[1795395883.2820396,25671.109519193,"c64d275b"],"status":"completed","disposition":"completed","result":"confirmed"}');
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
INSERT INTO "runs" VALUES('1191d6a5-b281-4c3d-9a22-2382b3e900ce','reminder','+12125550101',NULL,NULL,1.79539587777920365335e+09,25665.606683307,'c64d275b','completed','completed',1,'bee76dee-fe51-4a54-8d11-66cfbde9f395',0,NULL,NULL,1.79539588328262281419e+09,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_call ON runs (call_id) WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX one_open_dial_per_number ON runs (claimed_number) WHERE claimed_number IS NOT NULL;
CREATE INDEX runs_by_contact ON runs (contact_key) WHERE contact_key IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_wall, run_id);
CREATE UNIQUE INDEX one_run_per_incoming_call ON runs (incoming_call) WHERE incoming_call IS NOT NULL;
CREATE INDEX runs_by_callee ON runs (callee, started_wall);
CREATE INDEX unfinished_runs ON runs (started_wall) WHERE ended IS 0;
CREATE INDEX contacts_by_row ON contacts (campaign, occurrence, row_digest);
CREATE INDEX contacts_by_occurrence ON contacts (campaign, occurrence);
CREATE INDEX unfinished_contacts ON contacts (campaign, occurrence, state) WHERE state IN ('open', 'again');
CREATE INDEX requests_by_account ON requests (account, wall);
CREATE INDEX paths_by_host ON paths (host, wall);
CREATE INDEX ix_inbox_run_id ON inbox (run_id);
DELETE FROM "sqlite_sequence";
COMMIT;
